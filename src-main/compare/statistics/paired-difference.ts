import { invariant } from '../../base/assert.js';
import { studentQuantile } from './student-t.js';

/** Mean of paired differences, one pair per seed. */
export interface PairedDifference {
  /** Pairs; at least 1. */
  readonly count: number;
  readonly mean: number;
  /** Standard error of the mean; null for a single pair. */
  readonly standardError: number | null;
  /** Half of the 95 % confidence interval (Student's t); null for a single pair. */
  readonly halfWidth: number | null;
}

const CONFIDENCE = 0.95;

/** Mean with its uncertainty. @returns null without values */
export function meanWithUncertainty(values: readonly number[]): PairedDifference | null {
  const count = values.length;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { count, mean, standardError: null, halfWidth: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (count - 1) / count);
  return { count, mean, standardError, halfWidth: studentQuantile((1 + CONFIDENCE) / 2, count - 1) * standardError };
}

/**
 * Mean of variant less reference over pairs of the same seed. Pairs in which either is unknown are left out.
 *
 * @param variant one value per seed, aligned with `reference`; null where unknown
 * @returns null when no pair is complete
 */
export function pairedDifference(
  variant: readonly (number | null)[],
  reference: readonly (number | null)[],
): PairedDifference | null {
  invariant(variant.length === reference.length, 'pairs have two values');
  return meanWithUncertainty(
    variant.flatMap((value, i) => {
      const other = reference[i] ?? null;
      return value === null || other === null ? [] : [value - other];
    }),
  );
}

/** Whether 0 is outside the confidence interval; false without one. */
export function differsFromZero({ mean, halfWidth }: PairedDifference): boolean {
  return halfWidth !== null && Math.abs(mean) > halfWidth;
}
