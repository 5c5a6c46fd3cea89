/** Filters whose two-dimensional kernel is a column times a row. Edges are replicated. Planes are `[height, width]`. */

/** An odd number of weights, the centre in the middle. */
export type Kernel = Float32Array;

/** Taps per pass over a row; FLIP's kernels have 13, 19 and 21 taps, which need little padding. */
const BLOCK = 7;

/**
 * `out[at + x] += Σ weights[k] · source[offsets[k] + x]` for x below `length`, from `first`, seven taps at
 * once: one load and one store of the sum for all of them. Written out, since a loop over taps costs twice as much.
 */
function addTaps(
  out: Float32Array,
  at: number,
  length: number,
  source: Float32Array,
  offsets: Int32Array,
  weights: Float32Array,
  first: number,
): void {
  const o0 = offsets[first] as number;
  const o1 = offsets[first + 1] as number;
  const o2 = offsets[first + 2] as number;
  const o3 = offsets[first + 3] as number;
  const o4 = offsets[first + 4] as number;
  const o5 = offsets[first + 5] as number;
  const o6 = offsets[first + 6] as number;
  const w0 = weights[first] as number;
  const w1 = weights[first + 1] as number;
  const w2 = weights[first + 2] as number;
  const w3 = weights[first + 3] as number;
  const w4 = weights[first + 4] as number;
  const w5 = weights[first + 5] as number;
  const w6 = weights[first + 6] as number;
  for (let x = 0; x < length; x += 1) {
    out[at + x] =
      (out[at + x] as number) +
      w0 * (source[o0 + x] as number) +
      w1 * (source[o1 + x] as number) +
      w2 * (source[o2 + x] as number) +
      w3 * (source[o3 + x] as number) +
      w4 * (source[o4 + x] as number) +
      w5 * (source[o5 + x] as number) +
      w6 * (source[o6 + x] as number);
  }
}

/** The kernel with zeros appended up to a multiple of `BLOCK`. */
function padded(kernel: Kernel): Float32Array {
  const weights = new Float32Array(Math.ceil(kernel.length / BLOCK) * BLOCK);
  weights.set(kernel);
  return weights;
}

/** Correlates every row with the kernel. @returns a new plane */
export function filterRows(plane: Float32Array, width: number, height: number, kernel: Kernel): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const weights = padded(kernel);
  // Padding taps read past the row.
  const row = new Float32Array(width + weights.length);
  const offsets = Int32Array.from(weights, (_, k) => k);
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const at = y * width;
    row.fill(plane[at] as number, 0, radius);
    row.set(plane.subarray(at, at + width), radius);
    row.fill(plane[at + width - 1] as number, radius + width);
    for (let k = 0; k < weights.length; k += BLOCK) addTaps(out, at, width, row, offsets, weights, k);
  }
  return out;
}

/** Correlates every column with the kernel. @returns a new plane */
export function filterColumns(plane: Float32Array, width: number, height: number, kernel: Kernel): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const weights = padded(kernel);
  const offsets = new Int32Array(weights.length);
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let k = 0; k < offsets.length; k += 1) {
      offsets[k] = Math.min(height - 1, Math.max(0, y + k - radius)) * width;
    }
    for (let k = 0; k < weights.length; k += BLOCK) addTaps(out, y * width, width, plane, offsets, weights, k);
  }
  return out;
}

/** Rows, then columns, with the same kernel. @returns a new plane */
export function filterBoth(plane: Float32Array, width: number, height: number, kernel: Kernel): Float32Array {
  return filterColumns(filterRows(plane, width, height, kernel), width, height, kernel);
}
