/** How much a number changes when the same settings are repeated. Smaller differences may be noise. */

export interface NoiseFloor {
  /** Repeats compared; at least 1. */
  readonly count: number;
  /** Smallest and largest repeat-to-repeat difference. */
  readonly low: number;
  readonly high: number;
}

/**
 * @param differences of each repeat from the first run of the same settings, such as FLIP
 * @returns null without a repeat
 */
export function noiseFloor(differences: readonly number[]): NoiseFloor | null {
  if (differences.length === 0) return null;
  return { count: differences.length, low: Math.min(...differences), high: Math.max(...differences) };
}

/** A difference relative to the noise floor; `unknown` without one. */
export type Standing = 'unknown' | 'none' | 'within' | 'above';

/** @param difference in the floor's measure; 0 for identical */
export function standing(difference: number, floor: NoiseFloor | null): Standing {
  if (difference === 0) return 'none';
  if (floor === null) return 'unknown';
  return difference <= floor.high ? 'within' : 'above';
}
