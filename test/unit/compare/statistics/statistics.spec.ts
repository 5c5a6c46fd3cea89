import { describe, expect, it } from 'vitest';
import { atLeastByChance, unevenByChance } from '../../../../src-main/compare/statistics/binomial.js';
import { noiseFloor, standing } from '../../../../src-main/compare/statistics/noise-floor.js';
import { differsFromZero, pairedDifference } from '../../../../src-main/compare/statistics/paired-difference.js';
import { studentQuantile } from '../../../../src-main/compare/statistics/student-t.js';
import { readFixture } from '../measures/load-picture.js';

const expected = readFixture('statistics.json') as {
  student_quantiles: { probability: number; degrees_of_freedom: number; value: number }[];
  binomial: { trials: number; successes: number; at_least: number; two_sided: number }[];
  paired: {
    reference: number[];
    variant: number[];
    mean: number;
    standard_error: number;
    half_width_95: number;
    p_value: number;
  };
};

describe('statistics against scipy', () => {
  it.each(expected.student_quantiles)(
    't quantile of $probability with $degrees_of_freedom degrees of freedom',
    ({ probability, degrees_of_freedom, value }) => {
      // Scipy's own quantiles are off by up to 2e-9 (checked with the closed form for 3 degrees of freedom).
      expect(studentQuantile(probability, degrees_of_freedom) / value).toBeCloseTo(1, 8);
    },
  );

  it.each([0.55, 0.9, 0.975, 0.9999])('t quantile of %d in the closed forms of 1 and 2 degrees of freedom', (p) => {
    expect(studentQuantile(p, 1) / Math.tan(Math.PI * (p - 0.5))).toBeCloseTo(1, 11);
    expect(studentQuantile(p, 2) / ((2 * p - 1) / Math.sqrt(2 * p * (1 - p)))).toBeCloseTo(1, 11);
  });

  it.each(expected.binomial)('$successes of $trials by chance', ({ trials, successes, at_least, two_sided }) => {
    expect(atLeastByChance(successes, trials)).toBeCloseTo(at_least, 10);
    expect(unevenByChance(successes, trials)).toBeCloseTo(two_sided, 10);
  });

  it('mean, standard error and confidence interval of paired seeds', () => {
    const { paired } = expected;
    const found = pairedDifference(paired.variant, paired.reference);
    expect(found?.count).toBe(8);
    expect(found?.mean).toBeCloseTo(paired.mean, 12);
    expect(found?.standardError).toBeCloseTo(paired.standard_error, 12);
    expect(found?.halfWidth).toBeCloseTo(paired.half_width_95, 9);
    // The interval and scipy's paired t test say the same.
    expect(found !== null && differsFromZero(found)).toBe(paired.p_value < 0.05);
  });
});

describe('pairedDifference', () => {
  it('leaves out seeds where either score is missing, and says how many remain', () => {
    expect(pairedDifference([0.5, null, 0.75, 1], [0.25, 0.5, null, 0.75])).toEqual({
      count: 2,
      mean: 0.25,
      standardError: 0,
      halfWidth: 0,
    });
    expect(pairedDifference([null], [0.5])).toBeNull();
  });

  it('claims no uncertainty from one seed', () => {
    const single = pairedDifference([0.5], [0.25]);
    expect(single).toEqual({ count: 1, mean: 0.25, standardError: null, halfWidth: null });
    expect(single !== null && differsFromZero(single)).toBe(false);
  });
});

describe('noiseFloor', () => {
  it('is a band of what repeats differ by, and zero for a deterministic provider', () => {
    expect(noiseFloor([0.02, 0.01, 0.03])).toEqual({ count: 3, low: 0.01, high: 0.03 });
    expect(noiseFloor([0])).toEqual({ count: 1, low: 0, high: 0 });
    expect(noiseFloor([])).toBeNull();
  });

  it('places a difference', () => {
    const floor = noiseFloor([0.01, 0.03]);
    expect(standing(0, floor)).toBe('none');
    expect(standing(0.03, floor)).toBe('within');
    expect(standing(0.031, floor)).toBe('above');
    expect(standing(0.031, null)).toBe('unknown');
  });
});
