import { encodeF16Into } from '../../src-main/engine/quant/formats/sixteen-bit.js';
import type { Weights } from '../../src-main/engine/quant/formats/weights.js';

/** f16 bits of a matrix [N, K]. @throws AppError quant.invalid-input for NaN, infinity and values beyond 65504 */
export function encodeF16(weights: Weights, n: number, k: number, label = 'weight'): Uint16Array {
  const out = new Uint16Array(n * k);
  encodeF16Into(weights, out, label);
  return out;
}
