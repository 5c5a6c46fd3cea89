import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addLowRankRows } from '../../../../src-main/engine/quant/packings/low-rank-rows.js';

/** Small multiples of 1/64, whose products and sums are exact. */
const exact = fc.integer({ min: -64, max: 64 }).map((value) => value / 64);
const numbers = (length: number) => fc.array(exact, { minLength: length, maxLength: length });
const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  rank: fc.constantFrom(4, 16),
  k: fc.constantFrom(1, 3, 16, 255, 256, 257, 600),
});

describe('addLowRankRows', () => {
  it('adds the product to every row and column', () => {
    const problem = sizes.chain(({ rows, rank, k }) =>
      fc.record({
        rows: fc.constant(rows),
        rank: fc.constant(rank),
        k: fc.constant(k),
        values: numbers(rows * k),
        left: numbers(rows * rank),
        right: numbers(rank * k),
      }),
    );
    fc.assert(
      fc.property(problem, ({ rows, rank, k, values, left, right }) => {
        const sums = Float32Array.from(values);
        addLowRankRows(sums, Float32Array.from(left), Float64Array.from(right), rank, k);
        const expected = values.map((value, at) => {
          const [row, column] = [Math.floor(at / k), at % k];
          let sum = value;
          for (let j = 0; j < rank; j++) sum += (left[row * rank + j] as number) * (right[j * k + column] as number);
          return sum;
        });
        expect(rows * k).toBe(sums.length);
        expect([...sums]).toEqual(expected);
      }),
      { seed: 7, numRuns: 60 },
    );
  });
});
