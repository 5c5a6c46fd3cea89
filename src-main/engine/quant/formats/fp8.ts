/**
 * fp8: quanto's qfloat8 (e4m3fn), one scale per output row. N rows (output channels), K columns.
 *
 * @source huggingface/optimum-quanto: tensor/optimizers/absmax_optimizer.py, library/quantize.py
 */
import { E4M3FN_VALUES, f32ToE4m3fn } from '../../../base/float-formats.js';
import { RowEncoder } from './row-encoder.js';
import type { Weights } from './weights.js';

/** Largest e4m3fn value. */
const LARGEST = 448;

/** Encodes to e4m3fn bits. Codes are ±0 below absmax / 448 · 2^-10, less than 20 octaves down. */
export const fp8Encoder = new RowEncoder({
  largest: LARGEST,
  depthBits: 12,
  // Only quotients by a subnormal scale come out beyond the largest.
  codeOf: (quotient) => f32ToE4m3fn(quotient > LARGEST ? LARGEST : quotient < -LARGEST ? -LARGEST : quotient),
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
