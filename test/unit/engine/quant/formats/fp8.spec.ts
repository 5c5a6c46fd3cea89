import { describe, expect, it } from 'vitest';
import { E4M3FN_VALUES, f32ToE4m3fn } from '../../../../../src-main/base/float-formats.js';
import { decodeFp8, encodeFp8 } from '../../../../../src-main/engine/quant/formats/fp8.js';
import { bf16Bits, f32, firstDifference, K, N, u8 } from '../../../support/quant-fixture.js';

describe('encodeFp8', () => {
  it('gives the bytes and scales of quanto', () => {
    const { codes, scale } = encodeFp8(f32('weight'), N, K);
    expect(firstDifference(codes, u8('qfloat8_data'))).toBe(-1);
    expect(firstDifference(scale, f32('qfloat8_scale'))).toBe(-1);
  });

  it('gives the same from bf16 bits', () => {
    const { codes, scale } = encodeFp8(bf16Bits(f32('weight')), N, K);
    expect(firstDifference(codes, u8('qfloat8_data'))).toBe(-1);
    expect(firstDifference(scale, f32('qfloat8_scale'))).toBe(-1);
  });

  it('never makes a NaN code', () => {
    const { codes } = encodeFp8(Float32Array.of(448, -448, 1e-45, 0), 1, 4);
    expect([...codes]).toEqual([0x7e, 0xfe, 0, 0]);
  });

  it.each([NaN, Infinity])('refuses %s and names the tensor', (value) => {
    expect(() => encodeFp8(Float32Array.of(1, value), 2, 1, 'w.1')).toThrow(/"w\.1" contains NaN or infinite/);
  });
});

describe('decodeFp8', () => {
  it('gives the values of quanto', () => {
    const values = decodeFp8({ codes: u8('qfloat8_data'), scale: f32('qfloat8_scale') }, N, K);
    expect(firstDifference(values, f32('qfloat8_dequant'))).toBe(-1);
  });
});

describe('e4m3fn', () => {
  it('has the values of torch; the fixture has zeros for the two NaN codes', () => {
    expect(E4M3FN_VALUES.map((value) => (Number.isNaN(value) ? 0 : value))).toEqual(f32('e4m3fn_decode'));
  });

  it('rounds like torch; the fixture is clamped to 448 first', () => {
    const clamped = f32('e4m3fn_in').map((value) => Math.min(Math.max(value, -448), 448));
    expect(Uint8Array.from(clamped, f32ToE4m3fn)).toEqual(u8('e4m3fn_encode'));
  });
});
