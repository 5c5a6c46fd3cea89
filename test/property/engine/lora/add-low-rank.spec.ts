import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addLowRank, type LowRank } from '../../../../src-main/engine/lora/add-low-rank.js';

const SETTINGS = { seed: 6, numRuns: 300 };

/** Small multiples of 1/64, whose products and sums are exact. */
const exact = fc.integer({ min: -64, max: 64 }).map((value) => value / 64);
const numbers = (length: number) => fc.array(exact, { minLength: length, maxLength: length });

interface Case {
  readonly n: number;
  readonly k: number;
  readonly weights: number[];
  readonly updates: readonly LowRank[];
}

const problem: fc.Arbitrary<Case> = fc
  .record({ n: fc.integer({ min: 1, max: 11 }), k: fc.integer({ min: 1, max: 9 }) })
  .chain(({ n, k }) => {
    const update = fc.record({ rank: fc.integer({ min: 1, max: 9 }), first: fc.nat(n - 1) }).chain(({ rank, first }) =>
      fc.integer({ min: 1, max: n - first }).chain((rows) =>
        fc.record({
          weightRow: fc.constant(first),
          rank: fc.constant(rank),
          factor: exact,
          down: numbers(rank * k).map((values) => Float64Array.from(values)),
          up: numbers(rows * rank).map((values) => Float32Array.from(values)),
        }),
      ),
    );
    return fc.record({
      n: fc.constant(n),
      k: fc.constant(k),
      weights: numbers(n * k),
      updates: fc.array(update, { maxLength: 3 }),
    });
  });

/** The formula, number by number. */
function expected({ n, k, weights, updates }: Case): number[] {
  return Array.from({ length: n * k }, (_, at) => {
    const [row, column] = [Math.floor(at / k), at % k];
    return updates.reduce((sum, { weightRow, rank, factor, down, up }) => {
      const upRow = row - weightRow;
      if (upRow < 0 || upRow >= up.length / rank) return sum;
      const products = Array.from(
        { length: rank },
        (__, j) => (up[upRow * rank + j] as number) * (down[j * k + column] as number),
      );
      return sum + factor * products.reduce((total, product) => total + product, 0);
    }, weights[at] as number);
  });
}

const close = (found: ArrayLike<number>, values: readonly number[]): void => {
  values.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
};

describe('addLowRank', () => {
  it('is W + Σ factor · B·A', () => {
    fc.assert(
      fc.property(problem, (one) => {
        const values = Float32Array.from(one.weights);
        addLowRank(values, 0, one.k, one.updates);
        close(values, expected(one));
      }),
      SETTINGS,
    );
  });

  it('gives the same for any stretch of rows', () => {
    fc.assert(
      fc.property(problem, fc.nat(), (one, split) => {
        const whole = Float32Array.from(one.weights);
        addLowRank(whole, 0, one.k, one.updates);
        const parts = Float32Array.from(one.weights);
        const cut = split % (one.n + 1);
        addLowRank(parts.subarray(0, cut * one.k), 0, one.k, one.updates);
        addLowRank(parts.subarray(cut * one.k), cut, one.k, one.updates);
        expect([...parts]).toEqual([...whole]);
      }),
      SETTINGS,
    );
  });

  it('changes nothing with a factor of 0', () => {
    fc.assert(
      fc.property(problem, (one) => {
        const values = Float32Array.from(one.weights);
        const none = one.updates.map((update) => ({ ...update, factor: 0 }));
        addLowRank(values, 0, one.k, none);
        expect(values.every((value, i) => value === one.weights[i])).toBe(true);
      }),
      SETTINGS,
    );
  });
});
