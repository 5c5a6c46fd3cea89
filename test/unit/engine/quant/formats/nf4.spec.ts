import { describe, expect, it } from 'vitest';
import { decodeNf4, encodeNf4, NF4_CODEBOOK } from '../../../../../src-main/engine/quant/formats/nf4.js';
import { bf16Bits, f32, firstDifference, K, N, u8 } from '../../../support/quant-fixture.js';

describe('encodeNf4', () => {
  it('gives the bytes and absmax of bitsandbytes', () => {
    const { codes, absmax } = encodeNf4(f32('weight'), N, K);
    expect(firstDifference(codes, u8('nf4_packed'))).toBe(-1);
    expect(firstDifference(absmax, f32('nf4_absmax'))).toBe(-1);
  });

  it('gives the same from bf16 bits', () => {
    const { codes, absmax } = encodeNf4(bf16Bits(f32('weight')), N, K);
    expect(firstDifference(codes, u8('nf4_packed'))).toBe(-1);
    expect(firstDifference(absmax, f32('nf4_absmax'))).toBe(-1);
  });

  it('takes the lower code on a midpoint and the upper one just above', () => {
    const { codes } = encodeNf4(Float32Array.of(1, 0.8614784479141235, 0.8614785075187683, -1), 1, 4);
    expect([...codes]).toEqual([0xfe, 0xf0]);
  });

  it('encodes a shorter last block with its own absmax and ends an odd count with zero', () => {
    const values = Float32Array.from({ length: 67 }, (_, i) => (i < 64 ? 1 : -0.25));
    const { codes, absmax } = encodeNf4(values, 1, 67);
    expect([...absmax]).toEqual([1, 0.25]);
    expect(codes.length).toBe(34);
    expect([...codes.subarray(32)]).toEqual([0x00, 0x07]);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %s and names the tensor', (value) => {
    const weights = new Float32Array(128);
    weights[100] = value;
    expect(() => encodeNf4(weights, 1, 128, 'blocks.0.weight')).toThrow(/"blocks\.0\.weight" contains NaN or infinite/);
  });
});

describe('decodeNf4', () => {
  it('gives the values of bitsandbytes', () => {
    const values = decodeNf4({ codes: u8('nf4_packed'), absmax: f32('nf4_absmax') }, N, K);
    expect(firstDifference(values, f32('nf4_dequant'))).toBe(-1);
  });
});

describe('NF4_CODEBOOK', () => {
  it('is that of bitsandbytes', () => {
    expect(NF4_CODEBOOK).toEqual(f32('nf4_code'));
  });
});
