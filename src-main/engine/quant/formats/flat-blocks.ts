/**
 * Formats whose blocks follow the flattened matrix, as in GGUF where rows are whole blocks. Where they are not, blocks span
 * rows, and the last block is filled up with zeros.
 */
import { absmaxOf, widenBf16, type Weights } from './weights.js';

/** f32 weights of any stretch in turn, finite and in memory that is used again. */
export class FlatWeights {
  readonly #weights: Weights;
  readonly #block: Float32Array;
  /** Largest magnitude of all. */
  readonly absmax: number;

  /** @param size weights of a stretch @throws AppError quant.invalid-input for NaN and infinity */
  constructor(weights: Weights, size: number, label: string) {
    this.#weights = weights;
    this.#block = new Float32Array(size);
    this.absmax = absmaxOf(weights, label);
  }

  /** Weights from `begin`; zeros beyond the end. Valid until the next call. */
  at(begin: number): Float32Array {
    const block = this.#block;
    const weights = this.#weights;
    const end = Math.min(begin + block.length, weights.length);
    if (weights instanceof Uint16Array) widenBf16(weights, begin, end, block);
    else if (end - begin === block.length) return weights.subarray(begin, end);
    else block.set(weights.subarray(begin, end));
    if (end - begin < block.length) block.fill(0, end - begin);
    return block;
  }
}
