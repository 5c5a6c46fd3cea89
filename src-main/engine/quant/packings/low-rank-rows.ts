/** Rows of a low-rank product added to weights. Pure. */

/** Rows of the product computed at once, and terms of its sums taken together: each loaded number is used four times. */
const TILE = 4;
/** Columns whose sums, and whose part of `right`, stay in the processor's nearest caches. */
const COLUMNS = 256;

/**
 * In place: values [R, K] += left [R, r] · right [r, K]. Sums in f64, one rounding to f32 when they are added.
 *
 * @param right f64, so that sums need no conversion
 * @param rank r, a multiple of 4
 */
export function addLowRankRows(
  values: Float32Array,
  left: Float32Array,
  right: Float64Array,
  rank: number,
  k: number,
): void {
  const rows = values.length / k;
  const sums = Array.from({ length: TILE }, () => new Float64Array(COLUMNS));
  const factors = new Float64Array(TILE * TILE);
  for (let column = 0; column < k; column += COLUMNS) {
    const width = Math.min(COLUMNS, k - column);
    for (let row = 0; row < rows; row += TILE) {
      for (const sum of sums) sum.fill(0);
      for (let term = 0; term < rank; term += TILE) {
        for (let i = 0; i < TILE * TILE; i++) {
          // Rows beyond the last are computed for nothing.
          const index = Math.min(row + (i >> 2), rows - 1);
          factors[i] = left[index * rank + term + (i & 3)] as number;
        }
        addTile(sums, factors, right, term * k + column, k, width);
      }
      for (let i = 0; i < TILE && row + i < rows; i++) {
        const sum = sums[i] as Float64Array;
        const at = (row + i) * k + column;
        for (let j = 0; j < width; j++) values[at + j] = (values[at + j] as number) + (sum[j] as number);
      }
    }
  }
}

/** sums[i][j] += Σ factors[4i + t] · right[at + t·k + j]. */
function addTile(
  sums: readonly Float64Array[],
  factors: Float64Array,
  right: Float64Array,
  at: number,
  k: number,
  width: number,
): void {
  const [s0, s1, s2, s3] = sums as [Float64Array, Float64Array, Float64Array, Float64Array];
  const f = (index: number): number => factors[index] as number;
  const [f00, f01, f02, f03] = [f(0), f(1), f(2), f(3)];
  const [f10, f11, f12, f13] = [f(4), f(5), f(6), f(7)];
  const [f20, f21, f22, f23] = [f(8), f(9), f(10), f(11)];
  const [f30, f31, f32, f33] = [f(12), f(13), f(14), f(15)];
  for (let j = 0; j < width; j++) {
    const x0 = right[at + j] as number;
    const x1 = right[at + k + j] as number;
    const x2 = right[at + 2 * k + j] as number;
    const x3 = right[at + 3 * k + j] as number;
    s0[j] = (s0[j] as number) + f00 * x0 + f01 * x1 + f02 * x2 + f03 * x3;
    s1[j] = (s1[j] as number) + f10 * x0 + f11 * x1 + f12 * x2 + f13 * x3;
    s2[j] = (s2[j] as number) + f20 * x0 + f21 * x1 + f22 * x2 + f23 * x3;
    s3[j] = (s3[j] as number) + f30 * x0 + f31 * x1 + f32 * x2 + f33 * x3;
  }
}
