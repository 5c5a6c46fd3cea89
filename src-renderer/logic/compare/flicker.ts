/** Changes per second. A flash is a pair of changes: 4 are 2 Hz, below the limit of 3 for photosensitivity. */
export const FLICKER_RATES = [1, 2, 4] as const;
export type FlickerRate = (typeof FLICKER_RATES)[number];

/** Milliseconds for which each picture is shown. */
export function flickerPeriodMs(rate: FlickerRate): number {
  return 1000 / rate;
}
