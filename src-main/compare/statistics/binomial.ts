/** The exact binomial test against guessing (one half). */
import { invariant } from '../../base/assert.js';

/** Probabilities of 0 to `trials` successes of a fair coin, by logarithms so that small ones do not underflow. */
function fairCoin(trials: number): Float64Array {
  const out = new Float64Array(trials + 1);
  let log = -trials * Math.LN2;
  for (let k = 0; k <= trials; k += 1) {
    out[k] = Math.exp(log);
    log += Math.log(trials - k) - Math.log(k + 1);
  }
  return out;
}

function assertCount(successes: number, trials: number): void {
  invariant(
    Number.isInteger(trials) && Number.isInteger(successes) && successes >= 0 && successes <= trials,
    'successes are counted among trials',
  );
}

/** Probability of at least `successes` by guessing. */
export function atLeastByChance(successes: number, trials: number): number {
  assertCount(successes, trials);
  let sum = 0;
  for (const probability of fairCoin(trials).subarray(successes).toReversed()) sum += probability;
  return Math.min(1, sum);
}

/** Probability of a split at least as uneven, either way, by guessing. */
export function unevenByChance(successes: number, trials: number): number {
  assertCount(successes, trials);
  return Math.min(1, 2 * atLeastByChance(Math.max(successes, trials - successes), trials));
}
