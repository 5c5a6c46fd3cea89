/**
 * Names of mixes of formats. `auto-3500` is the mix of 3500 MiB by the errors of the weights; `auto-3500-1a2b3c4d` the
 * one by the errors of the layers' outputs in the measurement of that id. A name and the weights determine the mix.
 */

export type AutoFormat = `auto-${string}`;

/** MiB above zero with at most three decimals, without zeros at the end, and the measurement's 8 hex digits. */
export const AUTO_FORMAT = /^auto-(0\.\d{0,2}[1-9]|[1-9]\d{0,5}(?:\.\d{0,2}[1-9])?)(?:-([0-9a-f]{8}))?$/;

/** Smallest and largest budget that a name can hold, MiB. */
export const MIN_BUDGET_MIB = 0.001;
export const MAX_BUDGET_MIB = 999_999;

export interface AutoChoice {
  /** For the component's weights, including those that always stay in 16-bit. */
  readonly budgetMiB: number;
  /** Id of the output errors that decide; null for the errors of the weights. */
  readonly measurement: string | null;
}

/** Budget and measurement in a mix's name; null for any other format. */
export function parseAutoFormat(format: string): AutoChoice | null {
  const [, budget, measurement = null] = AUTO_FORMAT.exec(format) ?? [];
  return budget === undefined ? null : { budgetMiB: Number(budget), measurement };
}

/** @param budgetMiB within the limits; rounded down to a thousandth */
export function autoFormat({ budgetMiB, measurement }: AutoChoice): AutoFormat {
  // The tiny summand keeps rounding errors from turning 0.3 into 0.299.
  const budget = Math.max(1, Math.floor(budgetMiB * 1000 + 1e-6)) / 1000;
  return `auto-${budget}${measurement === null ? '' : `-${measurement}`}`;
}
