/** Student's t distribution, for confidence intervals of small samples. */
import { invariant } from '../../base/assert.js';

/** Natural logarithm of the gamma function for x > 0. @source Lanczos approximation, g = 7, nine coefficients */
function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const base = x - 1;
  const t = base + 7.5;
  const series = coefficients.reduce((sum, c, i) => (i === 0 ? c : sum + c / (base + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (base + 0.5) * Math.log(t) - t + Math.log(series);
}

const CONVERGED = 1e-15;
/** Enough for a million degrees of freedom: the fraction needs about √max(a, b) terms. */
const MAX_TERMS = 10_000;
/** Stands in for a zero denominator in Lentz's method. */
const TINY = 1e-300;

/** Regularized incomplete beta function. @source DLMF 8.17.22, by Lentz's method; 8.17.4 for the far side */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < MAX_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < CONVERGED) break;
  }
  return front * fraction;
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** Probability of a value above `t` (t ≥ 0). */
function upperTail(t: number, degreesOfFreedom: number): number {
  return 0.5 * incompleteBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5);
}

/**
 * Quantile of Student's t distribution.
 *
 * @param probability 0.5 to below 1
 * @param degreesOfFreedom at least 1
 */
export function studentQuantile(probability: number, degreesOfFreedom: number): number {
  invariant(probability >= 0.5 && probability < 1 && degreesOfFreedom >= 1, 'a quantile of the upper half is asked');
  let high = 1;
  while (upperTail(high, degreesOfFreedom) > 1 - probability) high *= 2;
  let low = 0;
  // Halving reaches the spacing of doubles in about 60 steps.
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (upperTail(middle, degreesOfFreedom) > 1 - probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
