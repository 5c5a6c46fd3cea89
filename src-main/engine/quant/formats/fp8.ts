/**
 * fp8: quanto's qfloat8 (e4m3fn), one scale per output row. N rows (output channels), K columns.
 *
 * @source huggingface/optimum-quanto: tensor/optimizers/absmax_optimizer.py, library/quantize.py
 */
import { E4M3FN_VALUES } from '../../../base/float-formats.js';
import { RowEncoder } from './row-encoder.js';
import type { Weights } from './weights.js';
import { addBias, decodeRows, gemmLayer, indices, NBITS_BLOCK, nBitsLayer, nBitsPlane, rowScales } from './products.js';
import {
  part,
  scaleBytes,
  type Layer,
  type LayerOperators,
  type PackedFormat,
  type PackedWeight,
  type Value,
} from './storage-format.js';

/** Largest e4m3fn value. */
const LARGEST = 448;

/** Encodes to e4m3fn bits. Codes are ±0 below absmax / 448 · 2^-10, less than 20 octaves down. */
const fp8Encoder = new RowEncoder({
  largest: LARGEST,
  depth: 20 * 128,
  encodeRow: (weights, begin, count, scale, out, at) => {
    // `f32ToE4m3fn` with its scratch memory in locals: three times as fast.
    const value = new Float32Array(1);
    const bits = new Int32Array(value.buffer);
    for (let i = 0; i < count; i++) {
      value[0] = (weights[begin + i] as number) / scale;
      const word = bits[0] as number;
      const sign = (word >>> 24) & 0x80;
      // 448; only quotients by a subnormal scale exceed it.
      const magnitude = Math.min(word & 0x7fffffff, 0x43e00000);
      if (magnitude >= 0x3c800000) {
        out[at + i] = sign | ((magnitude + 0x7ffff + ((magnitude >>> 20) & 1) - 0x3c000000) >>> 20);
      } else {
        // Subnormal steps of 2^-9 are the last bits of an f32 near 2^14.
        value[0] = Math.abs(value[0] as number) + 16384;
        out[at + i] = sign | ((bits[0] as number) & 0xf);
      }
    }
  },
});

export interface Fp8Weights {
  /** e4m3fn bits [N, K]. */
  readonly codes: Uint8Array;
  /** [N]; 1 for rows of zeros. */
  readonly scale: Float32Array;
}

/**
 * quanto's qfloat8_e4m3fn of a matrix.
 * @param weights [N, K] f32 or bf16 bits, read only
 * @throws AppError quant.invalid-input for NaN and infinity
 */
export function encodeFp8(weights: Weights, n: number, k: number, label = 'weight'): Fp8Weights {
  const codes = new Uint8Array(n * k);
  const scale = new Float32Array(n);
  fp8Encoder.encode(weights, n, k, codes, k, scale, label);
  return { codes, scale };
}

/** value · scale, [N, K] f32. */
export function decodeFp8({ codes, scale }: Fp8Weights, n: number, k: number): Float32Array {
  return decodeRows(codes, scale, n, k, k, (byte) => E4M3FN_VALUES[byte] as number);
}

/** A power of two, so exact; the smallest code, 2^-9, remains representable in f16. */
const F16_SHRINK = 2 ** -8;
/** Fixed point of e4m3fn: up to 448 · 64 = 28672, rounded below 1/8 to steps of 1/64. */
const STEPS = 64;

/** Stored: e4m3fn [N, K]; scale [N, 1]. */
export const fp8: PackedFormat = {
  layout: (n, k, scaleDtype) => [part('codes', 'f8e4m3fn', [n, k]), part('scale', scaleDtype, [n, 1])],
  unit: 'row',
  columnBlock: 1,
  sharedParts: ['scale'],
  gpuOverhead: 1.006,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const codes = memory.bytes('codes', n * k);
    const scale = memory.scales(n);
    fp8Encoder.encode(weights, n, k, codes, k, scale, label);
    return new Map([
      ['codes', codes],
      ['scale', scaleBytes(scale, scaleDtype, label)],
    ]);
  },
  decode: (parts, n, k) => decodeFp8({ codes: parts.bytes('codes'), scale: parts.scales('scale') }, n, k),
  layer: (ops, weight, bias, after) => {
    // Codes reach 448 and the row's scale is applied after the product, so in f16 the codes are scaled down first.
    const shrink = ops.dtype === 'f16' ? F16_SHRINK : 1;
    // Providers without the type read the same bytes as u8.
    const codes = weight.part('codes', { type: ops.profile.operators.fp8 === 'cast' ? 'f8e4m3fn' : 'u8' });
    const row = ops.reshape(weight.part('scale'), [1, weight.n]);
    const factor = shrink === 1 ? row : ops.mul(row, ops.numbers([1 / shrink]));
    const product = productOf(ops, weight, codes, shrink, after);
    return (x) => addBias(ops, ops.mul(product(x), factor), bias);
  },
};

/** x · (codes·shrink)ᵀ, [S, N]. */
function productOf(ops: LayerOperators, weight: PackedWeight, codes: Value, shrink: number, after: Value): Layer {
  const { n, k } = weight;
  if (ops.profile.operators.fp8 === 'cast') {
    const values = ops.cast(codes, 'f8e4m3fn', ops.dtype);
    return gemmLayer(ops, shrink === 1 ? values : ops.mul(values, ops.numbers([shrink])), null);
  }
  // The encoder never emits NaN codes; zero keeps the tables finite.
  const finite = Array.from(E4M3FN_VALUES, (value) => (Number.isNaN(value) ? 0 : value));
  const at = indices(ops, codes, after);
  if (ops.profile.operators.fp8 === 'table' || k % NBITS_BLOCK !== 0) {
    return gemmLayer(ops, ops.g.node('Gather', [ops.numbers(finite.map((value) => value * shrink)), at]), null);
  }
  const steps = finite.map((value) => Math.round(value * STEPS));
  const highs = steps.map((step) => Math.floor((step + 128) / 256));
  const plane = (values: readonly number[], unit: number): Layer => {
    const table = ops.g.constant(
      'u8',
      [256],
      Uint8Array.from(values, (value) => value + 128),
    );
    const bytes = ops.reshape(ops.g.node('Gather', [table, at]), nBitsPlane(n, k));
    const scale = ops.numbers([(unit * shrink) / STEPS], [1, 1]);
    return nBitsLayer(ops, { codes: bytes, scales: rowScales(ops, scale, n, k, after), bits: 8, n, k }, null);
  };
  const high = plane(highs, 256);
  const low = plane(
    steps.map((step, code) => step - 256 * (highs[code] as number)),
    1,
  );
  return (x) => ops.add(high(x), low(x));
}
