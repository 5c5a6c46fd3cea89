/**
 * Memory of a decode, whole and in tiles, from the shapes of its largest maps. Fitted to full-size runs on a CPU (f32:
 * whole 4.6 widest maps above the weights) and on an H200 (f16, within 5 %; docs/measurements.md).
 */
import type { VaeConfig } from '../../graph/vae.js';
import { planTiles } from '../../graph/vae-tiles.js';
import type { Provider } from '../../protocol.js';
import { memoryKind } from './denoise-memory.js';

/** Bytes of a tile's widest map: in f16 at a width of 864 pixels overlaps are then a tenth of the work. */
export const TILE_MAP_BYTES = 32 * 2 ** 20;
/**
 * Copies of its widest map that a decode holds at once: skip, normalized (in f32 for tiles), convolved, result. A GPU's
 * runtime also keeps one freed buffer of each size, and a fixed share.
 */
const LIVE_MAPS = { cpu: 5, gpu: 11, cuda: 7.83 } as const;
/** The same for the deep levels' last map, in a tiled decode. */
const LIVE_DEEP_MAPS = { cpu: 5, gpu: 16, cuda: 8.3 } as const;
const FIXED_BYTES = { cpu: 0, gpu: 0.65e9, cuda: 0.85e9 } as const;
const LIVE_TILE_MAPS = 6;
/** Maps between the layers of a tiled decode are in host memory in f32. */
const HOST_BYTES = 4;

export interface DecodeMemory {
  readonly wholeBytes: number;
  /** Null where the decoder has one level and cannot be tiled. */
  readonly tilesBytes: number | null;
}

/**
 * @param weightBytes of the decoder
 * @param width, height pixels
 * @param valueBytes of an activation: 2 in f16, 4 in f32
 * @param provider on the CPU, maps in host memory count too
 */
export function decodeMemory(
  config: VaeConfig,
  weightBytes: number,
  width: number,
  height: number,
  valueBytes: number,
  provider: Provider,
): DecodeMemory {
  const pixels = width * height;
  const { channels } = config;
  // The last level's first resnet reads the doubled output of the level before.
  const widest = Math.max(channels[0] ?? 0, channels[1] ?? 0);
  const device = memoryKind(provider);
  const fixed = weightBytes + FIXED_BYTES[device];
  const wholeBytes = fixed + LIVE_MAPS[device] * pixels * widest * valueBytes;
  const plan = planTiles(config);
  if (plan === null) return { wholeBytes, tilesBytes: null };
  const shrink = 4 ** (channels.length - plan.wholeLevels);
  const deepest = LIVE_DEEP_MAPS[device] * (pixels / shrink) * plan.wholeChannels * valueBytes;
  const tiles = LIVE_TILE_MAPS * Math.min(TILE_MAP_BYTES, pixels * widest * valueBytes);
  // The last level's resnets read and write a map of its width.
  const maps = device === 'cpu' ? 2 * pixels * (channels[0] ?? 0) * HOST_BYTES : 0;
  return { wholeBytes, tilesBytes: Math.min(wholeBytes, fixed + Math.max(deepest, tiles) + maps) };
}
