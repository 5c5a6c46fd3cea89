/** Small pictures of the run so far, from the latents. The linear map is fitted to the pack's own VAE. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../../../base/disk-error.js';
import { stepFileName } from '../../../base/step-file.js';
import type { VaeConfig } from '../../graph/vae.js';
import { fitLatentRgbFactors, previewFromLatents, type LatentRgbFactors } from '../../image/latent-preview.js';
import type { RgbImage } from '../../image/rgb-image.js';
import { encodePng, writePng } from '../../image/write-png.js';
import { unpackLatents, type LatentShape } from '../../sampling/latents.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import type { PrepareContext } from '../networks/prepared.js';
import { encodeImage, vaeScale } from '../networks/vae-codec.js';

export type PreviewFactors = LatentRgbFactors;

/** Side of the fitting chart in latent positions: 1024 positions for 51 unknowns. */
const CHART_LATENTS = 32;
/** Side of a flat patch of the chart in latent positions. */
const PATCH_LATENTS = 4;

const CHART_LINE = [16, 16, 16] as const;
/** Horizontal and vertical frequency and phase, by channel. */
const CHART_WAVES = [
  [1, 2, 0],
  [2, -1, 2],
  [-1, 3, 4],
] as const;
/** 1/g, 1/g², 1/g³ with g⁴ = g + 1: the R3 sequence. @source Roberts 2018, "The unreasonable effectiveness of quasirandom sequences" */
const CHART_STEPS = [0.8191725133961645, 0.6710436067037893, 0.5497004779019703] as const;

/**
 * Encodes a chart of flat colours, outlines and smooth gradients, and fits the map from its latents to its colours.
 * Gradients alone would not show how a VAE trained on drawings encodes an even area or a line.
 * @throws the errors of the VAE's session
 */
export async function fitPreviewFactors(context: PrepareContext, vae: PackNetwork<VaeConfig>): Promise<PreviewFactors> {
  const scale = vaeScale(vae.config);
  const image = colourChart(CHART_LATENTS * scale, PATCH_LATENTS * scale);
  const posterior = await encodeImage(context, vae, image);
  const { shiftFactor, scalingFactor } = vae.config;
  const latents = posterior.mean.map((value) => (value - shiftFactor) * scalingFactor);
  return fitLatentRgbFactors([{ latents, latentHeight: CHART_LATENTS, latentWidth: CHART_LATENTS, image }]);
}

/** Upper three quarters: flat patches of many colours, every second one with a dark outline. Below: gradients. */
function colourChart(side: number, patch: number): RgbImage {
  const data = new Uint8Array(side * side * 3);
  const line = Math.max(1, Math.round(patch / 10));
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) data.set(chartColour(x, y, side, patch, line), (y * side + x) * 3);
  }
  return { width: side, height: side, data };
}

function chartColour(x: number, y: number, side: number, patch: number, line: number): readonly number[] {
  if (y >= 0.75 * side) {
    return CHART_WAVES.map(([fx, fy, phase]) =>
      Math.round(127.5 + 127.5 * Math.sin((2 * Math.PI * (fx * x + fy * y)) / side + phase)),
    );
  }
  const column = Math.floor(x / patch);
  const row = Math.floor(y / patch);
  const outlined = (column + row) % 2 === 0;
  if (outlined && (x % patch < line || y % patch < line)) return CHART_LINE;
  const index = row * Math.ceil(side / patch) + column + 1;
  return CHART_STEPS.map((step) => Math.round(255 * ((index * step) % 1)));
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

/** Writes `step-003.png` into the folder. @throws AppError disk.full, disk.failed */
export async function savePreview(
  folder: string,
  step: number,
  packed: Float32Array,
  shape: LatentShape,
  factors: PreviewFactors,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw diskError(error, `make the folder ${folder}`);
  }
  await writePng(join(folder, stepFileName(step, 'png')), previewImage(packed, shape, factors));
}
