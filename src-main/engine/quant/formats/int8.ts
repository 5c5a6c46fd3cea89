/**
 * int8: quanto's qint8, symmetric with one scale per output row. N rows (output channels), K columns.
 *
 * @source huggingface/optimum-quanto: tensor/optimizers/absmax_optimizer.py, library/quantize.py
 */
import { RowEncoder } from './row-encoder.js';
import type { Weights } from './weights.js';
import { decodeRows, gemmLayer, NBITS_BLOCK, nBitsLayer, nBitsPlane, nBitsStride, rowScales } from './products.js';
import {
  part,
  scaleBytes,
  type Layer,
  type LayerOperators,
  type PackedFormat,
  type PackedWeight,
  type Value,
} from './storage-format.js';

const LARGEST_CODE = 127;
/** Added to codes in storage: MatMulNBits' zero point. */
export const INT8_ZERO = 128;

/** Encodes to stored codes, code + 128. Codes are zero below absmax / 254, less than 9 octaves down. */
const int8Encoder = new RowEncoder({
  largest: LARGEST_CODE,
  depth: 9 * 128,
  encodeRow: (weights, begin, count, scale, out, at) => {
    for (let i = 0; i < count; i++) {
      const quotient = Math.fround((weights[begin + i] as number) / scale);
      // Adding and subtracting 1.5 · 2^23 rounds an f32 to an integer, ties to even.
      const code = (Math.fround(quotient + 12582912) - 12582912) | 0;
      out[at + i] = Math.min(Math.max(code, -128), 127) + 128;
    }
  },
});

export interface Int8Weights {
  /** [N, K]. */
  readonly codes: Int8Array;
  /** [N]; 1 for rows of zeros. */
  readonly scale: Float32Array;
}

/**
 * quanto's qint8 of a matrix.
 * @param weights [N, K] f32 or bf16 bits, read only
 * @throws AppError quant.invalid-input for NaN and infinity
 */
export function encodeInt8(weights: Weights, n: number, k: number, label = 'weight'): Int8Weights {
  const stored = new Uint8Array(n * k);
  const scale = new Float32Array(n);
  int8Encoder.encode(weights, n, k, stored, k, scale, label);
  return { codes: Int8Array.from(stored, (byte) => byte - INT8_ZERO), scale };
}

/** code · scale, [N, K] f32. */
export function decodeInt8({ codes, scale }: Int8Weights, n: number, k: number): Float32Array {
  return decodeRows(codes, scale, n, k, k, (code) => code);
}

/** Stored: codes + 128, columns from K on 128, [N, ceil(K/32), 32]; scale [N, 1]. Graphs expand the scale to blocks. */
export const int8: PackedFormat = {
  layout: (n, k, scaleDtype) => [part('codes', 'u8', nBitsPlane(n, k)), part('scale', scaleDtype, [n, 1])],
  unit: 'row',
  columnBlock: NBITS_BLOCK,
  sharedParts: ['scale'],
  gpuOverhead: 1.007,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const stride = nBitsStride(k);
    const codes = memory.bytes('codes', n * stride);
    if (stride > k) codes.fill(INT8_ZERO);
    const scale = memory.scales(n);
    int8Encoder.encode(weights, n, k, codes, stride, scale, label);
    return new Map([
      ['codes', codes],
      ['scale', scaleBytes(scale, scaleDtype, label)],
    ]);
  },
  decode: (parts, n, k) =>
    decodeRows(parts.bytes('codes'), parts.scales('scale'), n, k, nBitsStride(k), (byte) => byte - INT8_ZERO),
  layer: (ops, weight, bias, after) => {
    if (ops.profile.operators.int8 === 'cast') return castLayer(ops, weight, bias, after);
    const { n, k } = weight;
    const [scale, codes] = [weight.part('scale'), weight.part('codes')];
    return nBitsLayer(ops, { codes, scales: rowScales(ops, scale, n, k, after), bits: 8, n, k }, bias);
  },
};

/** code · scale in compute dtype, then Gemm. The products are weights, so f16 can hold them. */
function castLayer(ops: LayerOperators, weight: PackedWeight, bias: Value | null, after: Value): Layer {
  const { n, k } = weight;
  const padded = nBitsStride(k);
  const codes = ops.reshape(weight.part('codes'), [n, padded]);
  const columns = padded === k ? codes : ops.g.node('Slice', [codes, ops.g.i64([0]), ops.g.i64([k]), ops.g.i64([1])]);
  const zero = ops.add(ops.zeroAfter(after), ops.numbers([-INT8_ZERO], [1, 1]));
  const w = ops.mul(ops.add(ops.cast(columns, 'u8', ops.dtype), zero), weight.part('scale'));
  return gemmLayer(ops, w, bias);
}
