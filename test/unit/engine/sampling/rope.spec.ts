import { describe, expect, it } from 'vitest';
import { ropeTables } from '../../../../src-main/engine/sampling/rope.js';

const AXES = [16, 56, 56];

describe('ropeTables', () => {
  const tables = ropeTables({ textTokens: 3, rows: 4, cols: 5, axesDims: AXES });
  const row = (values: Float32Array, token: number) => [...values.subarray(token * 64, token * 64 + 64)];

  it('has a row of half the head size for every token', () => {
    expect(tables).toMatchObject({ tokens: 23, halfDim: 64 });
    expect(tables.cos).toHaveLength(23 * 64);
    expect(tables.sin).toHaveLength(23 * 64);
  });

  it('leaves text and the first image token unrotated', () => {
    for (let token = 0; token <= 3; token++) {
      expect(new Set(row(tables.cos, token))).toEqual(new Set([1]));
      expect(new Set(row(tables.sin, token))).toEqual(new Set([0]));
    }
  });

  it('rotates by row on the second axis and by column on the third, in float64 rounded once', () => {
    const token = 3 + 2 * 5 + 4; // row 2, column 4
    const frequencies = Array.from({ length: 28 }, (_, k) => 10_000 ** ((-2 * k) / 56));
    const angles = [...Array<number>(8).fill(0), ...frequencies.map((f) => 2 * f), ...frequencies.map((f) => 4 * f)];
    row(tables.cos, token).forEach((value, k) => expect(value).toBeCloseTo(Math.cos(angles[k] as number), 7));
    row(tables.sin, token).forEach((value, k) => expect(value).toBeCloseTo(Math.sin(angles[k] as number), 7));
  });

  it('refuses odd axes', () => {
    expect(() => ropeTables({ textTokens: 1, rows: 1, cols: 1, axesDims: [16, 55, 56] })).toThrow('[16, 55, 56]');
  });
});
