/** How fast the flicker mode may change pictures. */

/** Changes per second that are offered. A flash is a pair of changes: 4 are 2 Hz, under the limit of 3. */
export const FLICKER_RATES = [1, 2, 4] as const;
export type FlickerRate = (typeof FLICKER_RATES)[number];

/** Milliseconds that each picture stays. */
export function flickerPeriodMs(rate: FlickerRate): number {
  return 1000 / rate;
}
