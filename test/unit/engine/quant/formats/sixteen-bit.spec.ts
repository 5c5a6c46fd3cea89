import { describe, expect, it } from 'vitest';
import { decodeBf16, decodeF16, encodeBf16 } from '../../../../../src-main/engine/quant/formats/sixteen-bit.js';
import { f32, firstDifference, u8 } from '../../../support/quant-fixture.js';
import { encodeF16 } from '../../../../support/encode-f16.js';

const words = (name: string) => new Uint16Array(u8(name).buffer);

describe('encodeBf16', () => {
  it('rounds like torch', () => {
    expect(firstDifference(encodeBf16(f32('bf16_in'), 1, 4096), words('bf16_bits'))).toBe(-1);
  });

  it('keeps bf16 bits', () => {
    expect([...encodeBf16(Uint16Array.of(0x3f80, 0xbf80), 1, 2)]).toEqual([0x3f80, 0xbf80]);
  });

  it('refuses what is or rounds to infinity', () => {
    expect(() => encodeBf16(Float32Array.of(NaN), 1, 1, 'w.1')).toThrow(/"w\.1" contains NaN/);
    expect(() => encodeBf16(Float32Array.of(3.4e38), 1, 1, 'w.1')).toThrow(/"w\.1" contains NaN/);
    expect(() => encodeBf16(Uint16Array.of(0xff80), 1, 1, 'w.1')).toThrow(/"w\.1" contains NaN/);
  });
});

describe('encodeF16', () => {
  it('rounds like torch', () => {
    expect(firstDifference(encodeF16(f32('bf16_in'), 1, 4096), words('f16_bits'))).toBe(-1);
  });

  it('gives the same from bf16 bits', () => {
    const bits = words('bf16_bits');
    expect(firstDifference(encodeF16(bits, 1, 4096), encodeF16(decodeBf16(bits), 1, 4096))).toBe(-1);
  });

  it('refuses values beyond f16 and says how large', () => {
    expect(() => encodeF16(Float32Array.of(70000), 1, 1, 'w.1')).toThrow(/"w\.1" has a weight of 7\.000e\+4, but f16/);
    expect(() => encodeF16(Uint16Array.of(0x4780), 1, 1, 'w.1')).toThrow(/"w\.1" has a weight of 6\.554e\+4/);
  });
});

describe('decodeF16', () => {
  it('is exact', () => {
    expect([...decodeF16(Uint16Array.of(0x3c00, 0xc000, 0x0001))]).toEqual([1, -2, 2 ** -24]);
  });
});
