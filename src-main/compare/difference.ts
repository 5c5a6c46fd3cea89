/** Plain differences of two pictures, and their heat map. */
import { assertSameSize, type Picture } from './picture.js';

export interface AbsoluteDifference {
  readonly identical: boolean;
  /** Over all channels, 0 to 255. */
  readonly mean: number;
  readonly max: number;
}

/** Mean and largest absolute difference of a channel. */
export function absoluteDifference(a: Picture, b: Picture): AbsoluteDifference {
  assertSameSize(a, b);
  let sum = 0;
  let max = 0;
  for (let i = 0; i < a.data.length; i += 1) {
    const d = Math.abs((a.data[i] as number) - (b.data[i] as number));
    sum += d;
    if (d > max) max = d;
  }
  return { identical: max === 0, mean: sum / a.data.length, max };
}

/**
 * Nine colours of the magma map, evenly spaced from 0 to 1; between them the map is close to linear.
 *
 * @source matplotlib's `magma` (CC0), at 0, 1/8, … 1.
 */
const MAGMA: readonly (readonly [number, number, number])[] = [
  [0, 0, 4],
  [28, 16, 68],
  [79, 18, 123],
  [129, 37, 129],
  [181, 54, 122],
  [229, 80, 100],
  [251, 135, 97],
  [254, 194, 135],
  [252, 253, 191],
];

/** 256 colours, `[256, 3]`. */
const MAGMA_TABLE: Uint8Array = (() => {
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i += 1) {
    const at = (i / 255) * (MAGMA.length - 1);
    const low = Math.min(Math.floor(at), MAGMA.length - 2);
    for (let c = 0; c < 3; c += 1) {
      const from = MAGMA[low]?.[c] ?? 0;
      const to = MAGMA[low + 1]?.[c] ?? 0;
      table[i * 3 + c] = Math.round(from + (to - from) * (at - low));
    }
  }
  return table;
})();

/** Below this scale a map would make invisible differences glow. */
const SMALLEST_SCALE = 16;

/** The difference that the heat map shows brightest, 16 to 255. */
export function heatScale(difference: AbsoluteDifference): number {
  return Math.max(SMALLEST_SCALE, difference.max);
}

/**
 * Each pixel's largest channel difference as a magma colour, from black (equal) to pale yellow (`scale` or more).
 *
 * @param scale difference of a channel, above 0
 */
export function heatMap(a: Picture, b: Picture, scale: number): Picture {
  assertSameSize(a, b);
  const data = new Uint8Array(a.data.length);
  for (let i = 0; i < data.length; i += 3) {
    const d = Math.max(
      Math.abs((a.data[i] as number) - (b.data[i] as number)),
      Math.abs((a.data[i + 1] as number) - (b.data[i + 1] as number)),
      Math.abs((a.data[i + 2] as number) - (b.data[i + 2] as number)),
    );
    const level = Math.min(255, Math.round((d / scale) * 255)) * 3;
    data[i] = MAGMA_TABLE[level] as number;
    data[i + 1] = MAGMA_TABLE[level + 1] as number;
    data[i + 2] = MAGMA_TABLE[level + 2] as number;
  }
  return { width: a.width, height: a.height, data };
}
