/**
 * fp8: quanto's qfloat8 (e4m3fn), one scale per output row. N rows (output channels), K columns.
 *
 * @source huggingface/optimum-quanto: tensor/optimizers/absmax_optimizer.py, library/quantize.py
 */
import { E4M3FN_VALUES } from '../../../base/float-formats.js';
import { RowEncoder } from './row-encoder.js';
import type { Weights } from './weights.js';

/** Largest e4m3fn value. */
const LARGEST = 448;

/** Encodes to e4m3fn bits. Codes are ±0 below absmax / 448 · 2^-10, less than 20 octaves down. */
export const fp8Encoder = new RowEncoder({
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
      // 448; only quotients by a subnormal scale are larger.
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
  const values = new Float32Array(n * k);
  for (let row = 0; row < n; row++) {
    for (let i = row * k; i < (row + 1) * k; i++) {
      values[i] = (E4M3FN_VALUES[codes[i] as number] as number) * (scale[row] as number);
    }
  }
  return values;
}
