import { describe, expect, it } from 'vitest';
import { FORMAT_FACTS, WEIGHT_FORMATS } from '../../../../../src-main/base/vocabulary.js';
import { f16ToF32, f32ToF16 } from '../../../../../src-main/base/float-formats.js';
import { decodeFp8, encodeFp8 } from '../../../../../src-main/engine/quant/formats/fp8.js';
import { decodeInt4, encodeInt4 } from '../../../../../src-main/engine/quant/formats/int4.js';
import { encodeInt8 } from '../../../../../src-main/engine/quant/formats/int8.js';
import {
  planTensor,
  storedBytes,
  type StorageTarget,
  decodeStorage,
  StorageEncoder,
} from '../../../../../src-main/engine/quant/formats/storage.js';
import { decodeNf4, encodeNf4 } from '../../../../../src-main/engine/quant/formats/nf4.js';
import { f32, firstDifference, i8, K, N, u8 } from '../../../support/quant-fixture.js';
import { gaussian } from '../../../support/random-weights.js';

const TARGETS: readonly StorageTarget[] = ['int8', 'int4', 'nf4', 'fp8', 'fixed16', 'bf16', 'f16', 'f32'];

describe('StorageEncoder', () => {
  it.each(TARGETS)('fills the parts that planTensor lays out for %s', (target) => {
    for (const dtype of ['f32', 'f16'] as const) {
      const parts = new StorageEncoder(target, dtype).encode(gaussian(5 * 97, 3), 5, 97, 'w');
      const lengths = planTensor(target, 5, 97, dtype).map(({ suffix, byteLength }) => [suffix, byteLength]);
      expect([...parts].map(([suffix, bytes]) => [suffix, bytes.length])).toEqual(lengths);
    }
  });

  it('stores int8 codes with the zero point 128, padded with it', () => {
    const weights = gaussian(3 * 33, 5);
    const codes = new StorageEncoder('int8', 'f32').encode(weights, 3, 33, 'w').get('codes');
    const expected = new Uint8Array(3 * 64).fill(128);
    encodeInt8(weights, 3, 33).codes.forEach((code, i) => (expected[Math.floor(i / 33) * 64 + (i % 33)] = code + 128));
    expect(codes).toEqual(expected);
  });

  it('stores the codes of the reference tools', () => {
    const encode = (target: StorageTarget, part: string) =>
      (new StorageEncoder(target, 'f32').encode(f32('weight'), N, K, 'w').get(part) as Uint8Array).slice();
    const biased = Uint8Array.from(i8('qint8_data'), (code) => code + 128);
    expect(firstDifference(encode('int8', 'codes'), biased)).toBe(-1);
    expect(firstDifference(encode('fp8', 'codes'), u8('qfloat8_data'))).toBe(-1);
    expect(firstDifference(encode('nf4', 'codes'), u8('nf4_packed'))).toBe(-1);
    expect(firstDifference(new Float32Array(encode('nf4', 'absmax').buffer), f32('nf4_absmax'))).toBe(-1);
    expect(firstDifference(new Float32Array(encode('int8', 'scale').buffer), f32('qint8_scale'))).toBe(-1);
  });

  it('refuses scales that f16 cannot hold', () => {
    const weights = new Float32Array(64).fill(1e6);
    expect(() => new StorageEncoder('nf4', 'f16').encode(weights, 1, 64, 'w.1')).toThrow(
      /"w\.1" has a scale of 1\.000e\+6, but f16 ends at 65504/,
    );
  });

  it('uses its memory again for smaller chunks', () => {
    const encoder = new StorageEncoder('int8', 'f16');
    encoder.encode(gaussian(8 * 33, 1), 8, 33, 'w');
    const weights = gaussian(2 * 33, 2);
    expect(encoder.encode(weights, 2, 33, 'w')).toEqual(new StorageEncoder('int8', 'f16').encode(weights, 2, 33, 'w'));
  });
});

describe('decodeStorage', () => {
  it('gives the values of each format, scales as stored', () => {
    const n = 5;
    const k = 97;
    const weights = gaussian(n * k, 11);
    const half = (scale: Float32Array) => Float32Array.from(scale, (value) => f16ToF32(f32ToF16(value)));
    const stored = (target: StorageTarget) =>
      decodeStorage(target, new StorageEncoder(target, 'f16').encode(weights, n, k, 'w'), n, k, 'f16');
    const nf4 = encodeNf4(weights, n, k);
    expect(stored('nf4')).toEqual(decodeNf4({ ...nf4, absmax: half(nf4.absmax) }, n, k));
    const fp8 = encodeFp8(weights, n, k);
    expect(stored('fp8')).toEqual(decodeFp8({ ...fp8, scale: half(fp8.scale) }, n, k));
    expect(stored('int4')).toEqual(decodeInt4(encodeInt4(weights, n, k, 'f16'), n, k));
    expect(stored('f32')).toEqual(weights);
  });
});

describe('planTensor', () => {
  it.each([
    ['int8', ['codes', 'u8', [5, 3, 32], 480], ['scale', 'f16', [5, 1], 10]],
    ['int4', ['codes', 'u8', [5, 3, 16], 240], ['scale', 'f16', [5, 3], 30]],
    ['nf4', ['codes', 'u8', [243], 243], ['absmax', 'f16', [8], 16]],
    ['fp8', ['codes', 'f8e4m3fn', [5, 97], 485], ['scale', 'f16', [5, 1], 10]],
  ] as const)('lays out %s', (target, ...expected) => {
    const columns = target === 'int8' || target === 'int4' ? 65 : 97;
    const parts = planTensor(target, 5, columns, 'f16');
    expect(parts.map((part) => [part.suffix, part.onnxType, part.shape, part.byteLength])).toEqual(expected);
  });

  it.each([
    ['bf16', 970],
    ['f16', 970],
    ['f32', 1940],
  ] as const)('lays out plain %s', (target, byteLength) => {
    expect(planTensor(target, 5, 97, 'f32')).toEqual([
      { suffix: 'value', onnxType: target, shape: [5, 97], byteLength },
    ]);
  });
});

describe('the bits of a weight in the vocabulary', () => {
  it.each(WEIGHT_FORMATS)('are those of %s as it is stored, with scales in f16', (format) => {
    const side = 4096;
    const stored = (8 * storedBytes(format, side, side, 'f16')) / side ** 2;
    expect(Math.abs(stored - FORMAT_FACTS[format].bitsPerWeight)).toBeLessThan(0.01);
  });
});
