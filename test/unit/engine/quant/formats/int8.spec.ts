import { describe, expect, it } from 'vitest';
import { decodeInt8, encodeInt8 } from '../../../../../src-main/engine/quant/formats/int8.js';
import { bf16Bits, f32, firstDifference, i8, K, N } from '../../../support/quant-fixture.js';

describe('encodeInt8', () => {
  it('gives the codes and scales of quanto', () => {
    const { codes, scale } = encodeInt8(f32('weight'), N, K);
    expect(firstDifference(codes, i8('qint8_data'))).toBe(-1);
    expect(firstDifference(scale, f32('qint8_scale'))).toBe(-1);
  });

  it('gives the same from bf16 bits', () => {
    const { codes, scale } = encodeInt8(bf16Bits(f32('weight')), N, K);
    expect(firstDifference(codes, i8('qint8_data'))).toBe(-1);
    expect(firstDifference(scale, f32('qint8_scale'))).toBe(-1);
  });

  it('rounds ties to even', () => {
    const { codes } = encodeInt8(Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5), 1, 7);
    expect([...codes]).toEqual([127, 0, 2, 2, 0, -2, -2]);
  });

  it('gives rows of zeros the scale 1', () => {
    const { codes, scale } = encodeInt8(new Float32Array(8), 2, 4);
    expect([...scale]).toEqual([1, 1]);
    expect(codes.every((code) => code === 0)).toBe(true);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %s and names the tensor', (value) => {
    const error = /"blocks\.0\.weight" contains NaN or infinite/;
    expect(() => encodeInt8(Float32Array.of(1, value), 2, 1, 'blocks.0.weight')).toThrow(error);
    expect(() => encodeInt8(bf16Bits(Float32Array.of(1, value)), 2, 1, 'blocks.0.weight')).toThrow(error);
  });
});

describe('decodeInt8', () => {
  it('gives the values of quanto', () => {
    const values = decodeInt8({ codes: i8('qint8_data'), scale: f32('qint8_scale') }, N, K);
    expect(firstDifference(values, f32('qint8_dequant'))).toBe(-1);
  });
});
