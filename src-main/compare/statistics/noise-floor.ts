/** How much repeating the very same settings changes a number: what smaller differences cannot be told from. */

export interface NoiseFloor {
  /** Repeats compared; at least 1. */
  readonly count: number;
  /** Smallest and largest repeat-to-repeat difference. */
  readonly low: number;
  readonly high: number;
}

/**
 * The band of repeat-to-repeat differences.
 *
 * @param differences of each repeat from the first run of the same settings, such as FLIP; 0 where both are equal
 * @returns null without a repeat: then nothing is known, and no band is drawn
 */
export function noiseFloor(differences: readonly number[]): NoiseFloor | null {
  if (differences.length === 0) return null;
  return { count: differences.length, low: Math.min(...differences), high: Math.max(...differences) };
}

/** How a difference stands to the band; `unknown` without one. */
export type Standing = 'unknown' | 'none' | 'within' | 'above';

/** @param difference same measure as the floor's, 0 for identical */
export function standing(difference: number, floor: NoiseFloor | null): Standing {
  if (difference === 0) return 'none';
  if (floor === null) return 'unknown';
  return difference <= floor.high ? 'within' : 'above';
}
