import { describe, expect, it } from 'vitest';
import {
  decodeBf16,
  decodeF16,
  encodeBf16,
  encodeF16,
} from '../../../../../src-main/engine/quant/formats/sixteen-bit.js';
import { f32, u8 } from '../../../support/quant-fixture.js';

const words = (name: string) => new Uint16Array(u8(name).buffer);
const isFinite16 = (value: number) => Math.abs(value) < 65520;

describe('encodeBf16', () => {
  it('rounds like torch', () => {
    const values = f32('bf16_in');
    const finite = [...values.keys()].filter((i) => Number.isFinite(values[i]));
    const input = Float32Array.from(finite, (i) => values[i] as number);
    expect(encodeBf16(input, 1, input.length)).toEqual(
      Uint16Array.from(finite, (i) => words('bf16_bits')[i] as number),
    );
  });

  it('keeps bf16 bits', () => {
    expect([...encodeBf16(Uint16Array.of(0x3f80, 0xbf80), 1, 2)]).toEqual([0x3f80, 0xbf80]);
  });

  it('refuses what is or rounds to infinity', () => {
    expect(() => encodeBf16(Float32Array.of(NaN), 1, 1, 'w.1')).toThrow(/"w\.1" holds NaN/);
    expect(() => encodeBf16(Float32Array.of(3.4e38), 1, 1, 'w.1')).toThrow(/"w\.1" holds NaN/);
    expect(() => encodeBf16(Uint16Array.of(0xff80), 1, 1, 'w.1')).toThrow(/"w\.1" holds NaN/);
  });
});

describe('encodeF16', () => {
  it('rounds like torch, from f32 and from bf16', () => {
    const values = f32('bf16_in');
    const expected = words('f16_bits');
    const finite = [...values.keys()].filter((i) => isFinite16(values[i] as number));
    const input = Float32Array.from(finite, (i) => values[i] as number);
    expect(encodeF16(input, 1, input.length)).toEqual(Uint16Array.from(finite, (i) => expected[i] as number));

    const bf16 = encodeBf16(input, 1, input.length).filter((bits) => (bits & 0x7fff) < 0x4780);
    expect(encodeF16(bf16, 1, bf16.length)).toEqual(encodeF16(decodeBf16(bf16), 1, bf16.length));
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
