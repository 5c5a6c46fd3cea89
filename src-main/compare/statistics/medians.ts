/** The values that are not null or undefined. */
export const present = <T>(values: readonly (T | null | undefined)[]): T[] =>
  values.flatMap((value) => (value === null || value === undefined ? [] : [value]));

/** The middle value, or the mean of the two middle ones; null for none. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Median seconds of a step, without the first (warm-up) where there are others. */
export function stepMedian(stepSeconds: readonly number[]): number | null {
  return median(stepSeconds.length > 1 ? stepSeconds.slice(1) : stepSeconds);
}
