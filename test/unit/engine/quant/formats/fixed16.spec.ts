import { describe, expect, it } from 'vitest';
import { bf16ToF32, f32ToBf16 } from '../../../../../src-main/base/float-formats.js';
import { decodeFixed16, encodeFixed16Rows } from '../../../../../src-main/engine/quant/formats/fixed16.js';
import { gaussian } from '../../../support/random-weights.js';

const N = 3;
const K = 96;

function roundTrip(weights: Float32Array | Uint16Array, n = N, k = K): Float32Array {
  const planes = { high: new Uint8Array(n * k), low: new Uint8Array(n * k), scale: new Float32Array(n) };
  encodeFixed16Rows(weights, n, k, planes.high, planes.low, k, planes.scale, 'w');
  expect([...planes.scale].every((scale) => Number.isInteger(Math.log2(scale)))).toBe(true);
  return decodeFixed16(planes, n, k, k);
}

describe('16-bit fixed point', () => {
  it('gives bf16 weights back exactly down to 1/127 of the largest of their row', () => {
    const bits = Uint16Array.from(gaussian(N * K, 4), f32ToBf16);
    const values = Float32Array.from(bits, bf16ToF32);
    const decoded = roundTrip(bits);
    let exact = 0;
    for (let i = 0; i < N * K; i++) {
      const row = values.subarray(Math.floor(i / K) * K, (Math.floor(i / K) + 1) * K);
      const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const value = values[i] as number;
      if (Math.abs(value) >= largest / 127) {
        expect(decoded[i]).toBe(value);
        exact += 1;
      } else expect(Math.abs((decoded[i] as number) - value)).toBeLessThanOrEqual(largest * 2 ** -15);
    }
    expect(exact).toBeGreaterThan(0.9 * N * K);
  });

  it('is off by at most 2^-15 of the largest for f32 weights', () => {
    const weights = gaussian(N * K, 9);
    const decoded = roundTrip(weights);
    const largest = weights.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    weights.forEach((value, i) =>
      expect(Math.abs((decoded[i] as number) - value)).toBeLessThanOrEqual(largest * 2 ** -15),
    );
  });

  it('keeps the largest of either sign, and rows of zeros', () => {
    const weights = Float32Array.of(127, -127, 0, 63.5, 0, 0, 0, 0, 1e-6, -1e-6, 0, 5e-7);
    const decoded = roundTrip(weights, 3, 4);
    expect([...decoded.subarray(0, 8)]).toEqual([127, -127, 0, 63.5, 0, 0, 0, 0]);
    // Below the smallest scale that f16 can halve eight times: near, not exact.
    expect(decoded[8]).toBeCloseTo(1e-6, 7);
  });

  it.each([
    [Float32Array.of(1, NaN), 'NaN or infinite'],
    [Float32Array.of(1, 7e4), 'f16 ends at 65504'],
  ])('refuses what f16 cannot hold', (weights, message) => {
    expect(() => roundTrip(weights, 1, 2)).toThrow(message);
  });
});
