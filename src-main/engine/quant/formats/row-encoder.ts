/**
 * Shared by quanto's two 8-bit formats: one scale per output row, the row's absmax over the largest code, and codes of
 * weight / scale in f32. N rows (output channels), K columns.
 *
 * @source huggingface/optimum-quanto: tensor/optimizers/absmax_optimizer.py, library/quantize.py
 */
import { bf16ToF32 } from '../../../base/float-formats.js';
import { Bf16CodeTable, fitsTable } from './bf16-code-table.js';
import { BF16_INFINITY, bf16Absmax, bitsOf, f32Absmax, notFiniteError, widenBf16, type Weights } from './weights.js';

export interface RowFormat {
  /** Value to which the row's absmax is mapped. */
  readonly largest: number;
  /** bf16 steps (128 to an octave) below the absmax beyond which codes are constant. */
  readonly depth: number;
  /**
   * Writes stored bytes of f32 quotients weight / scale, clamped: weights [begin, begin + count) into `out` from `at`.
   * Hot: module constants are variables after bundling and cost a load each, so use literals and locals.
   */
  readonly encodeRow: (
    weights: Float32Array,
    begin: number,
    count: number,
    scale: number,
    out: Uint8Array,
    at: number,
  ) => void;
}

export class RowEncoder {
  readonly #format: RowFormat;
  #table: Bf16CodeTable | undefined;

  constructor(format: RowFormat) {
    this.#format = format;
  }

  /**
   * @param weights [N, K] f32 or bf16 bits, read only
   * @param out [N, stride] bytes; columns from K on are unchanged
   * @param scale [N]; 1 for rows of zeros
   * @param label names the tensor in errors
   * @throws AppError quant.invalid-input
   */
  encode(
    weights: Weights,
    n: number,
    k: number,
    out: Uint8Array,
    stride: number,
    scale: Float32Array,
    label: string,
  ): void {
    if (weights instanceof Float32Array) this.#encodeF32(weights, n, k, out, stride, scale, label);
    else this.#encodeBf16(weights, n, k, out, stride, scale, label);
  }

  #encodeF32(
    weights: Float32Array,
    n: number,
    k: number,
    out: Uint8Array,
    stride: number,
    scale: Float32Array,
    label: string,
  ): void {
    const bits = bitsOf(weights);
    for (let row = 0; row < n; row++) {
      const absmax = f32Absmax(bits, row * k, (row + 1) * k);
      if (Number.isNaN(absmax)) throw notFiniteError(label);
      const rowScale = this.#scaleOf(absmax);
      scale[row] = rowScale;
      this.#format.encodeRow(weights, row * k, k, rowScale, out, row * stride);
    }
  }

  #encodeBf16(
    weights: Uint16Array,
    n: number,
    k: number,
    out: Uint8Array,
    stride: number,
    scale: Float32Array,
    label: string,
  ): void {
    const { encodeRow, depth } = this.#format;
    this.#table ??= new Bf16CodeTable(depth, (values, absmax, codes, at) =>
      encodeRow(values, 0, values.length, this.#scaleOf(absmax), codes, at),
    );
    let wide: Float32Array | undefined;
    for (let row = 0; row < n; row++) {
      const begin = row * k;
      const absmaxBits = bf16Absmax(weights, begin, begin + k);
      if (absmaxBits >= BF16_INFINITY) throw notFiniteError(label);
      const rowScale = this.#scaleOf(bf16ToF32(absmaxBits));
      scale[row] = rowScale;
      if (fitsTable(absmaxBits)) {
        this.#table.encode(weights, begin, begin + k, absmaxBits, out, row * stride);
      } else {
        wide ??= new Float32Array(k);
        encodeRow(widenBf16(weights, begin, begin + k, wide), 0, k, rowScale, out, row * stride);
      }
    }
  }

  /** Row scale of an absmax; 1 where it would be zero. */
  #scaleOf(absmax: number): number {
    const scale = Math.fround(absmax / this.#format.largest);
    return scale === 0 ? 1 : scale;
  }
}
