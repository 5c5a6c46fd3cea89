/** Progress and time left of a conversion: the estimate, corrected by the measured pace. */
import type { PreparationEstimate } from '../../contract/preparation.js';

/** Seconds after which the measured pace is more reliable than the estimate. */
const TRUSTED_SECONDS = 2;

export class PreparationPace {
  /** Estimated seconds by item. */
  readonly #expected: readonly number[];
  readonly #now: () => number;
  readonly #startedMs: number;

  /** @param now milliseconds; the clock starts here */
  constructor(items: PreparationEstimate['items'], now: () => number = () => performance.now()) {
    this.#expected = items.map(({ secondsLeft }) => secondsLeft);
    this.#now = now;
    this.#startedMs = now();
  }

  /** @param index of the current item @param fraction 0 to 1 of it */
  at(index: number, fraction: number): { readonly fraction: number; readonly secondsLeft: number } {
    const total = this.#expected.reduce((sum, seconds) => sum + seconds, 0);
    const before = this.#expected.slice(0, index).reduce((sum, seconds) => sum + seconds, 0);
    const done = before + (this.#expected[index] ?? 0) * fraction;
    const elapsed = (this.#now() - this.#startedMs) / 1000;
    const stretch = done > 0 && elapsed > TRUSTED_SECONDS ? elapsed / done : 1;
    return {
      fraction: total === 0 ? 1 : Math.min(1, done / total),
      secondsLeft: Math.max(0, (total - done) * stretch),
    };
  }
}
