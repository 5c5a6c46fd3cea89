/** Rows of a product left [N, r] · right [r, K], computed when they are needed. */

/** Rows computed at once: each loaded number of `right` is used that often. */
export const TILE = 4;

export class ProductRows {
  readonly rank: number;
  readonly #leftRow: (index: number) => Float32Array;
  readonly #right: Float64Array;
  readonly #k: number;

  /**
   * @param leftRow row of `left`, [r]; may be overwritten by the next call
   * @param right [r, K]; f64, so that sums need no conversion
   */
  constructor(leftRow: (index: number) => Float32Array, right: Float64Array, rank: number) {
    this.#leftRow = leftRow;
    this.#right = right;
    this.rank = rank;
    this.#k = right.length / rank;
  }

  /** out[i] += factor · row `index` of the product. */
  addRow(out: Float64Array, index: number, factor: number): void {
    const left = this.#leftRow(index);
    for (let j = 0; j < this.rank; j++) addScaled(out, this.#rightRow(j), factor * (left[j] as number));
  }

  /**
   * sums[i] += factor · row (row + i) of the product, for begin <= i < end. Other sums are only touched by what is not
   * finite.
   *
   * @param sums TILE rows of [K]
   */
  add(sums: readonly Float64Array[], row: number, begin: number, end: number, factor: number): void {
    const lefts: Float32Array[] = [];
    // A row's view may be overwritten by the next one.
    for (let index = begin; index < end; index++) lefts[index] = this.#leftRow(row + index).slice();
    const weights = new Float64Array(TILE * TILE);
    const last = this.rank - 1;
    for (let j = 0; j < this.rank; j += TILE) {
      weights.fill(0);
      for (let index = begin; index < end; index++) {
        const left = lefts[index] as Float32Array;
        for (let jj = 0; jj < TILE && j + jj < this.rank; jj++) {
          weights[index * TILE + jj] = factor * (left[j + jj] as number);
        }
      }
      const rows = [j, j + 1, j + 2, j + 3].map((index) => this.#rightRow(Math.min(index, last)));
      addProducts(sums, weights, rows);
    }
  }

  #rightRow(index: number): Float64Array {
    return this.#right.subarray(index * this.#k, (index + 1) * this.#k);
  }
}

/** out += factor · values. */
export function addScaled(out: Float64Array, values: Float32Array | Float64Array, factor: number): void {
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + factor * (values[i] as number);
}

/** TILE rows of zeros, [K]. */
export function newTile(k: number): Float64Array[] {
  return Array.from({ length: TILE }, () => new Float64Array(k));
}

/** sums[index] += Σ weights[4 · index + jj] · rows[jj]. */
function addProducts(sums: readonly Float64Array[], weights: Float64Array, rows: readonly Float64Array[]): void {
  const [s0, s1, s2, s3] = sums as [Float64Array, Float64Array, Float64Array, Float64Array];
  const [a0, a1, a2, a3] = rows as [Float64Array, Float64Array, Float64Array, Float64Array];
  const k = s0.length;
  const w = (index: number): number => weights[index] as number;
  const [w00, w01, w02, w03] = [w(0), w(1), w(2), w(3)];
  const [w10, w11, w12, w13] = [w(4), w(5), w(6), w(7)];
  const [w20, w21, w22, w23] = [w(8), w(9), w(10), w(11)];
  const [w30, w31, w32, w33] = [w(12), w(13), w(14), w(15)];
  for (let i = 0; i < k; i++) {
    const x0 = a0[i] as number;
    const x1 = a1[i] as number;
    const x2 = a2[i] as number;
    const x3 = a3[i] as number;
    s0[i] = (s0[i] as number) + w00 * x0 + w01 * x1 + w02 * x2 + w03 * x3;
    s1[i] = (s1[i] as number) + w10 * x0 + w11 * x1 + w12 * x2 + w13 * x3;
    s2[i] = (s2[i] as number) + w20 * x0 + w21 * x1 + w22 * x2 + w23 * x3;
    s3[i] = (s3[i] as number) + w30 * x0 + w31 * x1 + w32 * x2 + w33 * x3;
  }
}
