/** Latents to pixels, whole or in tiles, with the reason. */
import { AppError } from '../../../base/app-error.js';
import type { VaeConfig } from '../../graph/vae.js';
import type { DecodeChoice, DecodeReport } from '../../protocol.js';
import { readDeviceMemory } from '../../runtime/device-memory.js';
import type { LatentShape } from '../../sampling/latents.js';
import { sixteenBitBytes } from '../memory/component-sizes.js';
import { decodeMemory, type DecodeMemory } from '../memory/decode-memory.js';
import { decodeInTiles } from './decode-tiles.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import type { PrepareContext } from '../networks/prepared.js';
import { loadDecoder, vaeScale } from '../networks/vae-codec.js';

/** Part of the free memory to use; drivers and fragmentation need the rest. */
const USABLE = 0.9;

/** How to decode: in tiles when asked for, or when the whole does not fit into free memory. */
export function chooseDecode(
  asked: DecodeChoice,
  memory: DecodeMemory,
  freeBytes: number | null,
  limitBytes = Infinity,
): Pick<DecodeReport, 'mode' | 'reason'> {
  if (asked !== 'auto') return { mode: asked, reason: 'asked' };
  const usable = Math.min(limitBytes, freeBytes === null ? Infinity : USABLE * freeBytes);
  const fits = memory.wholeBytes <= usable;
  if (fits || memory.tilesBytes === null) return { mode: 'whole', reason: 'fits' };
  return { mode: 'tiles', reason: 'estimate' };
}

export interface DecodeOptions {
  readonly asked: DecodeChoice;
  /** Of the device's memory for this run. */
  readonly limitBytes: number;
  readonly onProgress: (fraction: number, mode: DecodeReport['mode']) => void;
}

export interface DecodedPicture {
  /** [3, height, width] f32, about -1..1. */
  readonly planes: Float32Array;
  readonly weightBytes: number;
  readonly report: DecodeReport;
}

/**
 * Repeats a whole decode that runs out of memory in tiles, unless `whole` was asked for: the latents exist already, and
 * the picture is the same.
 * @param latents from `decoderLatents`
 * @throws the sessions' errors
 */
export async function decodePicture(
  context: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  shape: LatentShape,
  latents: Float32Array,
  options: DecodeOptions,
): Promise<DecodedPicture> {
  const { asked, limitBytes } = options;
  const memory = memoryOf(context, vae, shape);
  const free = (await readDeviceMemory(context))?.freeBytes ?? null;
  const choice = chooseDecode(asked, memory, free, limitBytes);
  const facts = { wholeBytes: memory.wholeBytes, freeBytes: free };
  const inTiles = async (reason: DecodeReport['reason']): Promise<DecodedPicture> => {
    const { planes, weightBytes, tiles } = await decodeInTiles(context, vae, shape, latents, {
      onProgress: (fraction) => options.onProgress(fraction, 'tiles'),
    });
    return { planes, weightBytes, report: { mode: 'tiles', tiles, reason, ...facts } };
  };
  if (choice.mode === 'tiles') return inTiles(choice.reason);
  try {
    options.onProgress(0, 'whole');
    const { planes, weightBytes } = await decodeWhole(context, vae, shape, latents);
    return { planes, weightBytes, report: { mode: 'whole', tiles: 1, reason: choice.reason, ...facts } };
  } catch (error) {
    const ranOut = error instanceof AppError && error.code === 'engine.out-of-memory';
    if (!ranOut || asked === 'whole' || memory.tilesBytes === null) throw error;
    return inTiles('out-of-memory');
  }
}

function memoryOf(
  { provider, profile }: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  shape: LatentShape,
): DecodeMemory {
  const scale = vaeScale(vae.config);
  return decodeMemory(
    vae.config,
    sixteenBitBytes(vae.source, (name) => name.startsWith('decoder.')),
    shape.width * scale,
    shape.height * scale,
    profile.dtype === 'f16' ? 2 : 4,
    provider,
  );
}

async function decodeWhole(
  context: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  shape: LatentShape,
  latents: Float32Array,
): Promise<{ readonly planes: Float32Array; readonly weightBytes: number }> {
  const { session, decode } = await loadDecoder(context, vae, shape);
  try {
    return { planes: await decode(latents), weightBytes: session.weightBytes };
  } finally {
    await session.release();
  }
}
