import { describe, expect, it } from 'vitest';
import {
  bf16ToF32,
  E4M3FN_VALUES,
  f16ToF32,
  f32ToBf16,
  f32ToE4m3fn,
  f32ToF16,
} from '../../../src-main/base/float-formats.js';
import { readFixture } from '../support/read-fixture.js';

const read = readFixture('reference-tiny/quant.safetensors');
const floats = (name: string) => read(name).data as Float32Array;

/** Indices at which two sequences differ; NaN equals NaN and 0 differs from -0. */
function differences(actual: ArrayLike<number>, expected: ArrayLike<number>): number[] {
  return Array.from(expected)
    .map((value, index) => (Object.is(actual[index], value) ? -1 : index))
    .filter((index) => index >= 0);
}

describe('rounding as torch does', () => {
  it('f32 to bf16', () => {
    const bits = Uint16Array.from(read('bf16_bits').data as Int16Array);
    expect(differences(Uint16Array.from(floats('bf16_in'), f32ToBf16), bits)).toEqual([]);
  });

  it('f32 to f16', () => {
    const bits = Uint16Array.from(read('f16_bits').data as Int16Array);
    expect(differences(Uint16Array.from(floats('bf16_in'), f32ToF16), bits)).toEqual([]);
  });

  it('f32 to e4m3fn', () => {
    // The fixture was encoded as quanto does, which clamps first; beyond 464 the cast alone gives NaN.
    const clamped = floats('e4m3fn_in').map((value) => Math.max(-448, Math.min(448, value)));
    expect(differences(Uint8Array.from(clamped, f32ToE4m3fn), read('e4m3fn_encode').data as Uint8Array)).toEqual([]);
  });

  it('e4m3fn to f32', () => {
    // The fixture has 0 where the code is NaN.
    const decoded = E4M3FN_VALUES.map((value) => (Number.isNaN(value) ? 0 : value));
    expect(differences(decoded, floats('e4m3fn_decode'))).toEqual([]);
    expect(E4M3FN_VALUES[0x7f]).toBeNaN();
    expect(E4M3FN_VALUES[0xff]).toBeNaN();
  });
});

describe('every code', () => {
  it('of f16 survives the way to f32 and back', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = f16ToF32(bits);
      if (Number.isNaN(value)) expect((bits & 0x7fff) > 0x7c00).toBe(true);
      else if (f32ToF16(value) !== bits) expect.fail(`${bits} became ${f32ToF16(value)}`);
    }
  });

  it('of bf16 survives the way to f32 and back', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = bf16ToF32(bits);
      if (Number.isNaN(value)) expect((bits & 0x7fff) > 0x7f80).toBe(true);
      else if (f32ToBf16(value) !== bits) expect.fail(`${bits} became ${f32ToBf16(value)}`);
    }
  });

  it('of e4m3fn survives the way to f32 and back', () => {
    for (let bits = 0; bits < 256; bits++) {
      const value = E4M3FN_VALUES[bits] as number;
      expect(f32ToE4m3fn(value) & (Number.isNaN(value) ? 0x7f : 0xff)).toBe(Number.isNaN(value) ? 0x7f : bits);
    }
  });
});

/** IEEE 754: exact halves go to the even neighbour, everything else to the nearer one. */
describe('rounding at the edges', () => {
  it('takes each midpoint of f16 to the even code and its neighbours to the near ones', () => {
    const word = new Uint32Array(1);
    const value = new Float32Array(word.buffer);
    for (let bits = 0; bits < 0x7bff; bits++) {
      const middle = (f16ToF32(bits) + f16ToF32(bits + 1)) / 2; // exact in f32: one more bit than f16
      const even = bits + (bits & 1);
      value[0] = middle;
      const at = word[0] as number;
      word[0] = at + 1;
      const above = f32ToF16(value[0]);
      word[0] = at - 1;
      const below = f32ToF16(value[0]);
      const found = [f32ToF16(middle), above, below, f32ToF16(-middle)];
      const expected = [even, bits + 1, bits, 0x8000 | even];
      if (found.some((code, index) => code !== expected[index])) expect.fail(`${bits}: ${found} but ${expected}`);
    }
  });

  it('takes each midpoint of e4m3fn to the even code', () => {
    for (let bits = 0; bits < 0x7e; bits++) {
      const middle = ((E4M3FN_VALUES[bits] as number) + (E4M3FN_VALUES[bits + 1] as number)) / 2;
      expect(f32ToE4m3fn(middle)).toBe(bits + (bits & 1));
      expect(f32ToE4m3fn(-middle)).toBe(0x80 | (bits + (bits & 1)));
    }
  });

  it('rounds a double to f32 first', () => {
    const double = 2 ** -25 * (1 + 2 ** -30); // above the midpoint of 0 and the smallest f16, as f32 on it
    expect(f32ToF16(double)).toBe(0);
    expect(f32ToF16(2 ** -25 * (1 + 2 ** -20))).toBe(1);
  });

  it('overflows where the formats end', () => {
    expect([65504, 65519, 65520, Infinity, -Infinity, NaN].map(f32ToF16)).toEqual([
      0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7e00,
    ]);
    expect([448, 464, 465, -465, Infinity].map(f32ToE4m3fn)).toEqual([0x7e, 0x7e, 0x7f, 0xff, 0x7f]);
    expect([3.4e38, Infinity, -Infinity].map(f32ToBf16)).toEqual([0x7f80, 0x7f80, 0xff80]);
    expect(f32ToBf16(NaN) & 0x7fff).toBeGreaterThan(0x7f80);
    expect([0, -0].map(f32ToF16)).toEqual([0, 0x8000]);
  });
});
