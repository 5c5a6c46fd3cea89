import { describe, expect, it } from 'vitest';
import { relativePositionBucket, t5PositionBias } from '../../../../src-main/engine/text/t5-bias.js';

const T5 = { buckets: 32, maxDistance: 128 };

describe('relativePositionBucket', () => {
  it('gives small distances a bucket of their own, later keys in the second half', () => {
    expect([0, -1, -7, 1, 7].map((distance) => relativePositionBucket(distance, T5))).toEqual([0, 1, 7, 17, 23]);
  });

  it('shares larger distances logarithmically, from 8 to 128', () => {
    // Two buckets for every doubling: 8 * 2^(k/2) begins bucket 8 + k.
    const first = [8, 12, 16, 23, 32, 46, 64, 91];
    first.forEach((distance, k) => {
      expect(relativePositionBucket(-distance, T5)).toBe(8 + k);
      expect(relativePositionBucket(distance, T5)).toBe(24 + k);
      if (k > 0) expect(relativePositionBucket(-(distance - 1), T5)).toBe(7 + k);
    });
    expect([-127, -128, -511].map((distance) => relativePositionBucket(distance, T5))).toEqual([15, 15, 15]);
  });
});

describe('t5PositionBias', () => {
  it('puts the learned value of key - query at [head, query, key]', () => {
    const heads = 2;
    const tokens = 40;
    const table = Float32Array.from({ length: 32 * heads }, (_, i) => i);
    const bias = t5PositionBias(table, heads, tokens, T5);
    expect(bias).toHaveLength(heads * tokens * tokens);
    for (const [head, query, key] of [
      [0, 0, 0],
      [1, 0, 39],
      [0, 39, 0],
      [1, 20, 21],
      [0, 21, 20],
    ] as const) {
      const bucket = relativePositionBucket(key - query, T5);
      expect(bias[(head * tokens + query) * tokens + key]).toBe(bucket * heads + head);
    }
  });

  it('refuses a table of another size', () => {
    expect(() => t5PositionBias(new Float32Array(10), 2, 4, T5)).toThrow('[32, 2]');
  });
});
