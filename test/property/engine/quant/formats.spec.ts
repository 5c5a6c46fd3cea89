import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { bf16ToF32 } from '../../../../src-main/base/float-formats.js';
import { decodeFp8, encodeFp8 } from '../../../../src-main/engine/quant/formats/fp8.js';
import { decodeInt4, encodeInt4 } from '../../../../src-main/engine/quant/formats/int4.js';
import { decodeInt8, encodeInt8 } from '../../../../src-main/engine/quant/formats/int8.js';
import {
  decodeStorage,
  type StorageTarget,
  StorageEncoder,
} from '../../../../src-main/engine/quant/formats/storage.js';
import { decodeNf4, encodeNf4, NF4_CODEBOOK } from '../../../../src-main/engine/quant/formats/nf4.js';

const SETTINGS = { seed: 20_261_124, numRuns: 300 };
/** Steps of rounding in f32 that a decode and a division add. */
const ROUNDING = 1 + 2 ** -20;

const finiteBf16 = fc.integer({ min: 0, max: 0xffff }).filter((bits) => (bits & 0x7f80) !== 0x7f80);
/** Weights as a layer has them. Scales of weights near 1e-40 are subnormal and too coarse for the bounds below. */
const layerWeight = fc
  .double({ min: -0.08, max: 0.08, noNaN: true })
  .map((value) => (Math.abs(value) < 1e-30 ? 0 : Math.fround(value)));
const matrix = (element: fc.Arbitrary<number>, maxColumns = 140) =>
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: maxColumns })).chain(([n, k]) =>
    fc.record({
      n: fc.constant(n),
      k: fc.constant(k),
      values: fc.array(element, { minLength: n * k, maxLength: n * k }),
    }),
  );
const scale = fc.double({ min: 2 ** -60, max: 2 ** 60, noNaN: true }).map(Math.fround);
const TARGETS: readonly StorageTarget[] = ['int8', 'int4', 'nf4', 'fp8', 'bf16', 'f32'];
/** Their scales are f16 whatever the session computes in, so weights must be small. */
const GGML_TARGETS = ['q8_0', 'q6_k', 'q5_k', 'q4_k', 'q4_0', 'mxfp4', 'nvfp4', 'nvfp4_ggml'] as const;
const smallBf16 = finiteBf16.map((bits) => ((bits & 0x7f80) > 0x4200 ? bits & 0xbfff : bits));

describe('encoders', () => {
  it.each(TARGETS)('give %s from bf16 bits as from the same values in f32', (target) => {
    fc.assert(
      fc.property(matrix(finiteBf16), ({ n, k, values }) => {
        const fromBits = new StorageEncoder(target, 'f32').encode(Uint16Array.from(values), n, k, 'w');
        const fromValues = new StorageEncoder(target, 'f32').encode(Float32Array.from(values, bf16ToF32), n, k, 'w');
        expect(fromBits).toEqual(fromValues);
      }),
      SETTINGS,
    );
  });

  it.each(GGML_TARGETS)('give %s from bf16 bits as from the same values in f32, and finite values back', (target) => {
    fc.assert(
      fc.property(matrix(smallBf16, 300), ({ n, k, values }) => {
        const fromBits = new StorageEncoder(target, 'f32').encode(Uint16Array.from(values), n, k, 'w');
        const fromValues = new StorageEncoder(target, 'f32').encode(Float32Array.from(values, bf16ToF32), n, k, 'w');
        expect(fromBits).toEqual(fromValues);
        expect(decodeStorage(target, fromBits, n, k, 'f32').every(Number.isFinite)).toBe(true);
      }),
      SETTINGS,
    );
  });

  it.each(GGML_TARGETS)('refuse NaN, infinity and what is beyond f16 in %s', (target) => {
    fc.assert(
      fc.property(
        matrix(layerWeight, 300),
        fc.nat(),
        fc.constantFrom(NaN, Infinity, -Infinity, 3e38),
        ({ n, k, values }, at, bad) => {
          const weights = Float32Array.from(values);
          weights[at % weights.length] = bad;
          const encode = () => new StorageEncoder(target, 'f16').encode(weights, n, k, 'w');
          // A weight as large has a scale in NVFP4.
          if (bad === 3e38 && target.startsWith('nvfp4')) expect(encode).not.toThrow();
          else expect(encode).toThrow(AppError);
        },
      ),
      SETTINGS,
    );
  });

  it.each(['int8', 'fp8', 'nf4', 'int4', 'q8_0', 'q4_0', 'mxfp4'] as const)(
    'keep the codes of %s when weights are scaled by a power of 2',
    (target) => {
      fc.assert(
        fc.property(matrix(layerWeight), fc.integer({ min: -20, max: 20 }), ({ n, k, values }, power) => {
          // Smaller weights could turn subnormal.
          const weights = Float32Array.from(values, (value) => (Math.abs(value) < 1e-6 ? 0 : value));
          fc.pre(weights.some((value) => value !== 0));
          const before = new StorageEncoder(target, 'f32').encode(weights, n, k, 'w');
          const scaled = weights.map((value) => value * 2 ** power);
          const after = new StorageEncoder(target, 'f32').encode(scaled, n, k, 'w');
          expect(after.get('codes')).toEqual(before.get('codes'));
        }),
        SETTINGS,
      );
    },
  );
});

describe('nf4', () => {
  it('gives codes back for blocks with a code of magnitude 1', () => {
    const block = fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(block, fc.integer({ min: 0, max: 63 }), fc.constantFrom(0, 15), scale, (codes, at, end, absmax) => {
        codes[at] = end;
        const packed = Uint8Array.from(
          { length: 32 },
          (_, i) => ((codes[2 * i] as number) << 4) | (codes[2 * i + 1] as number),
        );
        const values = decodeNf4({ codes: packed, absmax: Float32Array.of(absmax) }, 1, 64);
        expect(encodeNf4(values, 1, 64)).toEqual({ codes: packed, absmax: Float32Array.of(absmax) });
      }),
      SETTINGS,
    );
  });

  it('is off by at most half the widest gap of the codebook', () => {
    const widest = Math.max(...NF4_CODEBOOK.subarray(1).map((value, i) => value - (NF4_CODEBOOK[i] as number)));
    fc.assert(
      fc.property(matrix(layerWeight), ({ n, k, values }) => {
        const weights = Float32Array.from(values);
        const encoded = encodeNf4(weights, n, k);
        decodeNf4(encoded, n, k).forEach((value, i) => {
          const bound = ((encoded.absmax[Math.floor(i / 64)] as number) * widest) / 2;
          expect(Math.abs(value - (weights[i] as number))).toBeLessThanOrEqual(bound * ROUNDING);
        });
      }),
      SETTINGS,
    );
  });
});

describe('int8', () => {
  it('gives codes back for rows with a code of magnitude 127', () => {
    const row = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(row, fc.constantFrom(-127, 127), scale, (codes, end, rowScale) => {
        codes[0] = end;
        const k = codes.length;
        const values = decodeInt8({ codes: Int8Array.from(codes), scale: Float32Array.of(rowScale) }, 1, k);
        expect([...encodeInt8(values, 1, k).codes]).toEqual(codes);
      }),
      SETTINGS,
    );
  });

  it('is off by at most half a step', () => {
    fc.assert(
      fc.property(matrix(layerWeight), ({ n, k, values }) => {
        const weights = Float32Array.from(values);
        const encoded = encodeInt8(weights, n, k);
        decodeInt8(encoded, n, k).forEach((value, i) => {
          const step = encoded.scale[Math.floor(i / k)] as number;
          expect(Math.abs(value - (weights[i] as number))).toBeLessThanOrEqual((step / 2) * ROUNDING + step * 1e-5);
        });
      }),
      SETTINGS,
    );
  });
});

describe('fp8', () => {
  it('gives codes back for rows with the largest code', () => {
    const code = fc.integer({ min: 0, max: 255 }).filter((bits) => (bits & 0x7f) !== 0x7f);
    fc.assert(
      fc.property(
        fc.array(code, { minLength: 1, maxLength: 100 }),
        fc.constantFrom(0x7e, 0xfe),
        scale,
        (codes, end, rowScale) => {
          codes[0] = end;
          const k = codes.length;
          const values = decodeFp8({ codes: Uint8Array.from(codes), scale: Float32Array.of(rowScale) }, 1, k);
          expect([...encodeFp8(values, 1, k).codes]).toEqual(codes);
        },
      ),
      SETTINGS,
    );
  });

  it('is off by at most 1/16 of a weight, or half a subnormal step', () => {
    fc.assert(
      fc.property(matrix(layerWeight), ({ n, k, values }) => {
        const weights = Float32Array.from(values);
        const encoded = encodeFp8(weights, n, k);
        decodeFp8(encoded, n, k).forEach((value, i) => {
          const weight = weights[i] as number;
          const halfStep = (encoded.scale[Math.floor(i / k)] as number) * 2 ** -10;
          expect(Math.abs(value - weight)).toBeLessThanOrEqual(Math.max(Math.abs(weight) / 16, halfStep) * ROUNDING);
        });
      }),
      SETTINGS,
    );
  });
});

describe('int4', () => {
  const squaredError = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);

  it('is never worse than the extreme of each block over -8', () => {
    fc.assert(
      fc.property(fc.array(layerWeight, { minLength: 32, maxLength: 32 }), (values) => {
        const weights = Float32Array.from(values);
        const extreme = weights.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
        const step = extreme === 0 ? 1 : extreme / -8;
        const simple = weights.map((value) => Math.min(Math.max(Math.round(value / step), -8), 7) * step);
        const ours = decodeInt4(encodeInt4(weights, 1, 32), 1, 32);
        // The scale has f16's digits.
        const halfStep = squaredError(weights, new Float32Array(32)) * 2 ** -22;
        expect(Math.sqrt(squaredError(ours, weights))).toBeLessThanOrEqual(
          Math.sqrt(squaredError(simple, weights)) * ROUNDING + Math.sqrt(halfStep) * ROUNDING + 1e-8,
        );
      }),
      SETTINGS,
    );
  });
});
