/** W + factor · B·A for some rows of W. Pure. */

/** A product B·A that is added to consecutive rows of a weight [N, K]. */
export interface LowRank {
  /** Row of the weight to which B's first row is added. */
  readonly weightRow: number;
  /** A: [rank, K]; f64, so that sums need no conversion. */
  readonly down: Float64Array;
  /** B: [rows, rank]. */
  readonly up: Float32Array;
  readonly rank: number;
  readonly factor: number;
}

/** Rows of W, and of A, per pass: each loaded number is used four times. */
const TILE = 4;

/**
 * Adds to `values` in place: sums in f64, one rounding to f32 for each weight.
 *
 * @param values rows [firstRow, firstRow + values.length / k) of the weight
 */
export function addLowRank(values: Float32Array, firstRow: number, k: number, updates: readonly LowRank[]): void {
  const sums = Array.from({ length: TILE }, () => new Float64Array(k));
  const rows = values.length / k;
  for (let row = 0; row < rows; row += TILE) {
    for (const sum of sums) sum.fill(0);
    const touched = new Set<number>();
    for (const update of updates) addTile(sums, update, firstRow + row - update.weightRow, touched);
    for (const index of touched) {
      if (row + index >= rows) continue;
      const sum = sums[index] as Float64Array;
      const begin = (row + index) * k;
      for (let i = 0; i < k; i++) values[begin + i] = (values[begin + i] as number) + (sum[i] as number);
    }
  }
}

/** sums += factor · B[upRow .. upRow + 4] · A, for the rows that B has. */
function addTile(sums: readonly Float64Array[], update: LowRank, upRow: number, touched: Set<number>): void {
  const { down, up, rank, factor } = update;
  const rows = up.length / rank;
  const weights = new Float64Array(TILE * TILE);
  for (let index = 0; index < TILE; index++) {
    if (upRow + index >= 0 && upRow + index < rows) touched.add(index);
  }
  for (let j = 0; j < rank; j += TILE) {
    weights.fill(0);
    for (let index = 0; index < TILE; index++) {
      const row = upRow + index;
      if (row < 0 || row >= rows) continue;
      for (let jj = 0; jj < TILE && j + jj < rank; jj++) {
        weights[index * TILE + jj] = factor * (up[row * rank + j + jj] as number);
      }
    }
    const last = rank - 1;
    addProducts(sums, weights, down, [j, Math.min(j + 1, last), Math.min(j + 2, last), Math.min(j + 3, last)]);
  }
}

/** sums[index] += Σ weights[4 · index + jj] · A[aRows[jj]]. */
function addProducts(
  sums: readonly Float64Array[],
  weights: Float64Array,
  down: Float64Array,
  aRows: readonly number[],
): void {
  const [s0, s1, s2, s3] = sums as [Float64Array, Float64Array, Float64Array, Float64Array];
  const k = s0.length;
  const aRow = (index: number): Float64Array => {
    const row = aRows[index] as number;
    return down.subarray(row * k, (row + 1) * k);
  };
  const [a0, a1, a2, a3] = [aRow(0), aRow(1), aRow(2), aRow(3)];
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
