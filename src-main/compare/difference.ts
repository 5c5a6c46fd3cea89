/** Plain differences of two pictures, and their heat map. */
import { magmaPicture } from './magma.js';
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
  const levels = new Float32Array(a.width * a.height);
  for (let i = 0, j = 0; i < levels.length; i += 1, j += 3) {
    const d = Math.max(
      Math.abs((a.data[j] as number) - (b.data[j] as number)),
      Math.abs((a.data[j + 1] as number) - (b.data[j + 1] as number)),
      Math.abs((a.data[j + 2] as number) - (b.data[j + 2] as number)),
    );
    levels[i] = d / scale;
  }
  return magmaPicture(levels, a.width, a.height);
}
