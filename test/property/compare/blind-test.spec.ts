import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atLeastByChance } from '../../../src-main/compare/statistics/binomial.js';
import { planBlindTest, type BlindKind } from '../../../src-main/compare/blind/blind-plan.js';
import { answerTrial, blindResult, type BlindSession } from '../../../src-main/compare/blind/blind-session.js';

/** Numbers in 0 to 1; unrelated to the plan's generator. @source Numerical Recipes' 32-bit linear congruence */
function coin(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const options = fc.record({
  kind: fc.constantFrom<BlindKind>('abx', '2afc'),
  pairs: fc.integer({ min: 1, max: 6 }),
  trials: fc.integer({ min: 1, max: 60 }),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

function counts<T>(items: readonly T[]): number[] {
  const found = new Map<T, number>();
  for (const item of items) found.set(item, (found.get(item) ?? 0) + 1);
  return [...found.values()];
}

describe('a blind plan', () => {
  it('is balanced in pairs, places and X, and the same for the same seed', () => {
    fc.assert(
      fc.property(options, (o) => {
        const plan = planBlindTest(o);
        expect(planBlindTest(o)).toEqual(plan);
        expect(plan).toHaveLength(o.trials);
        for (const trial of plan) {
          expect(new Set([trial.a, trial.b]).size).toBe(2);
          expect(trial.x === null).toBe(o.kind === '2afc');
        }
        for (const found of [counts(plan.map(({ pair }) => pair)), counts(plan.map(({ a, x }) => `${a} ${x}`))]) {
          expect(Math.max(...found) - Math.min(...found)).toBeLessThanOrEqual(1);
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

describe('someone who flips a coin', () => {
  const TRIALS = 10;
  const TESTS = 4000;
  const results = Array.from({ length: TESTS }, (_, seed) => {
    const random = coin(seed * 7919 + 13);
    for (let i = 0; i < 8; i += 1) random();
    const plan = planBlindTest({ kind: 'abx', pairs: 2, trials: TRIALS, seed });
    const session = plan.reduce<BlindSession>((state) => answerTrial(state, random() < 0.5 ? 'a' : 'b'), {
      kind: 'abx',
      plan,
      answers: [],
    });
    const result = blindResult(session, 'variant', 'is nearer');
    if (result === null) throw new Error('the test is finished');
    return { ...result, random: random() };
  });

  it('gets each p-value as often as its own size says (chi-square over the 11 possible values)', () => {
    const chiSquare = Array.from({ length: TRIALS + 1 }, (_, hits) => {
      const next = hits === TRIALS ? 0 : atLeastByChance(hits + 1, TRIALS);
      const expected = TESTS * (atLeastByChance(hits, TRIALS) - next);
      const observed = results.filter((result) => result.hits === hits).length;
      return (observed - expected) ** 2 / expected;
    }).reduce((sum, value) => sum + value, 0);
    // 99 % quantile of chi-square with 10 degrees of freedom.
    expect(chiSquare).toBeLessThan(23.21);
  });

  it('has p-values that are uniform once their steps are filled at random (Kolmogorov and Smirnov)', () => {
    const filled = results
      .map(({ hits, pValue, random }) => {
        const next = hits === TRIALS ? 0 : atLeastByChance(hits + 1, TRIALS);
        return next + random * (pValue - next);
      })
      .toSorted((a, b) => a - b);
    const distance = filled.reduce(
      (max, value, i) => Math.max(max, Math.abs(value - i / TESTS), Math.abs(value - (i + 1) / TESTS)),
      0,
    );
    // 1 % critical value.
    expect(distance).toBeLessThan(1.63 / Math.sqrt(TESTS));
  });

  it('is called able to tell in at most one test of twenty', () => {
    expect(results.filter(({ pValue }) => pValue < 0.05).length / TESTS).toBeLessThan(0.05);
  });
});
