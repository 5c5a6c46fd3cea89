import { describe, expect, it } from 'vitest';
import { byteFloatValues, decodeToF32, type ByteFloat } from '../../../../src-main/engine/weights/decode.js';
import type { TensorDtype } from '../../../../src-main/engine/weights/tensor-source.js';
import { readFixture, readFixtureJson } from '../../support/read-fixture.js';

const bytesOf = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

describe('decodeToF32', () => {
  it('gives the values of torch for bf16 and e4m3fn', () => {
    const read = readFixture('reference-tiny/quant.safetensors');
    const bits = read('bf16_bits').data as Int16Array;
    const words = new Uint32Array(decodeToF32('BF16', bytesOf(bits)).buffer);
    expect(words.every((word, i) => word === ((bits[i] as number) << 16) >>> 0)).toBe(true);
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    const decoded = decodeToF32('F8_E4M3', codes).map((value) => (Number.isNaN(value) ? 0 : value));
    expect(decoded).toEqual(read('e4m3fn_decode').data);
  });

  // IEEE 754 binary16 and its upper byte, e5m2.
  it.each<[TensorDtype, ArrayBufferView, number[]]>([
    ['F16', new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000]), [1, -2, 2 ** -24, 65504, Infinity, -0]],
    ['F8_E5M2', new Uint8Array([0x3c, 0xc0, 0x01, 0x7b, 0xfc]), [1, -2, 2 ** -16, 57344, -Infinity]],
    ['F64', new Float64Array([0.1, -1e300, 5e-324]), [Math.fround(0.1), -Infinity, 0]],
    ['F32', new Float32Array([0.1, NaN]), [Math.fround(0.1), NaN]],
    ['I64', new BigInt64Array([-3n, 2n ** 40n]), [-3, 2 ** 40]],
    ['I32', new Int32Array([-3, 2 ** 24]), [-3, 2 ** 24]],
    ['I16', new Int16Array([-32768, 7]), [-32768, 7]],
    ['I8', new Int8Array([-128, 7]), [-128, 7]],
    ['U64', new BigUint64Array([2n ** 63n]), [2 ** 63]],
    ['U32', new Uint32Array([2 ** 31]), [2 ** 31]],
    ['U16', new Uint16Array([65535, 7]), [65535, 7]],
    ['U8', new Uint8Array([0, 255]), [0, 255]],
    ['BOOL', new Uint8Array([0, 1]), [0, 1]],
  ])('reads %s, also where the bytes are not aligned', (dtype, view, expected) => {
    const bytes = bytesOf(view);
    expect(decodeToF32(dtype, bytes)).toEqual(Float32Array.from(expected));
    const shifted = new Uint8Array(bytes.byteLength + 1);
    shifted.set(bytes, 1);
    expect(decodeToF32(dtype, shifted.subarray(1))).toEqual(Float32Array.from(expected));
  });

  it('refuses F4, which needs scales', () => {
    expect(() => decodeToF32('F4', new Uint8Array(2))).toThrow(
      expect.objectContaining({ code: 'weights.unsupported-dtype' }),
    );
  });
});

describe('byteFloatValues', () => {
  const { bytes } = readFixtureJson<{ readonly bytes: Readonly<Record<ByteFloat, string>> }>('packings/packings.json');
  const numbers: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '-inf': -Infinity };

  it.each(Object.entries(bytes))('has torch’s values of %s', (dtype, text) => {
    const values = text.split(' ').map((value) => numbers[value] ?? Number(value));
    expect([...byteFloatValues(dtype as ByteFloat)]).toEqual(values);
  });
});
