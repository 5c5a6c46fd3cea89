/**
 * Small pictures of the run so far, from the latents alone. The linear map is fitted to the pack's own VAE.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { VaeConfig } from '../graph/vae.js';
import { fitLatentRgbFactors, previewFromLatents, type LatentRgbFactors } from '../image/latent-preview.js';
import type { RgbImage } from '../image/rgb-image.js';
import { encodePng, writePng } from '../image/write-png.js';
import { unpackLatents, type LatentShape } from '../sampling/latents.js';
import type { PackNetwork } from './pack-networks.js';
import type { PrepareContext } from './prepared.js';
import { encodeImage, vaeScale } from './vae-codec.js';

export type PreviewFactors = LatentRgbFactors;

/** Side of the fitting chart in latent positions: 256 positions for 51 unknowns. */
const CHART_LATENTS = 16;

/**
 * Encodes a chart of smooth colour gradients and fits the map from its latents to its colours.
 * @throws what the VAE's session throws
 */
export async function fitPreviewFactors(context: PrepareContext, vae: PackNetwork<VaeConfig>): Promise<PreviewFactors> {
  const scale = vaeScale(vae.config);
  const image = colourChart(CHART_LATENTS * scale);
  const posterior = await encodeImage(context, vae, image);
  const { shiftFactor, scalingFactor } = vae.config;
  const latents = posterior.mean.map((value) => (value - shiftFactor) * scalingFactor);
  return fitLatentRgbFactors([{ latents, latentHeight: CHART_LATENTS, latentWidth: CHART_LATENTS, image }]);
}

/** Patches of many hues and levels with soft transitions: each channel follows another pair of waves. */
function colourChart(side: number): RgbImage {
  const data = new Uint8Array(side * side * 3);
  const wave = (x: number, y: number, fx: number, fy: number, phase: number): number =>
    Math.round(127.5 + 127.5 * Math.sin((2 * Math.PI * (fx * x + fy * y)) / side + phase));
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = (y * side + x) * 3;
      data[at] = wave(x, y, 1, 2, 0);
      data[at + 1] = wave(x, y, 2, -1, 2);
      data[at + 2] = wave(x, y, -1, 3, 4);
    }
  }
  return { width: side, height: side, data };
}

function previewImage(packed: Float32Array, shape: LatentShape, factors: PreviewFactors): RgbImage {
  return previewFromLatents(unpackLatents(packed, shape), shape.height, shape.width, factors);
}

/** A PNG data URL, one pixel per latent position: about 20 kB at 864×1152. */
export async function previewPngUrl(
  packed: Float32Array,
  shape: LatentShape,
  factors: PreviewFactors,
): Promise<string> {
  const png = await encodePng(previewImage(packed, shape, factors));
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

/** Writes `step-003.png` into the folder. */
export async function savePreview(
  folder: string,
  step: number,
  packed: Float32Array,
  shape: LatentShape,
  factors: PreviewFactors,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writePng(join(folder, `step-${String(step).padStart(3, '0')}.png`), previewImage(packed, shape, factors));
}
