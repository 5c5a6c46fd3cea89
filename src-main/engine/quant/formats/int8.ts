/**
 * int8: quanto's qint8, symmetric with one scale per output row. N rows (output channels), K columns.
 *
 * @source huggingface/optimum-quanto: tensor/optimizers/absmax_optimizer.py, library/quantize.py
 */
import { RowEncoder } from './row-encoder.js';
import type { Weights } from './weights.js';

const LARGEST_CODE = 127;
/** Added to codes in storage, where MatMulNBits has its zero point. */
export const INT8_ZERO = 128;

/** Encodes into storage form: code + 128. Codes are zero below absmax / 254, less than 9 octaves down. */
export const int8Encoder = new RowEncoder({
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
  const values = new Float32Array(n * k);
  for (let row = 0; row < n; row++) {
    for (let i = row * k; i < (row + 1) * k; i++) values[i] = (codes[i] as number) * (scale[row] as number);
  }
  return values;
}
