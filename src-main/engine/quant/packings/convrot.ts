/**
 * ConvRot: weights rotated along their columns, group by group, before they were quantized. The matrix H is the Kronecker
 * power of H4 over its norm; it is symmetric and its own inverse, so rotating again gives the weights. Pure.
 *
 * @source Comfy-Org/comfy-kitchen 0.2.40: backends/eager/convrot_w4a4.py (_build_hadamard, _rotate_weight)
 */

/** Whether H exists: powers of four from 4. The upper limit is far above the 256 in use. */
export function isRotationSize(size: number): boolean {
  return size >= 4 && size <= 4 ** 8 && Number.isInteger(Math.log2(size) / 2);
}

/**
 * In place: each run of `group` values times H. Sums in f64, one rounding to f32.
 *
 * H4 = [1 1 1 -1; 1 1 -1 1; 1 -1 1 1; -1 1 1 1], applied over its norm of 2 at distances 1, 4, 16, …: each result is
 * half the sum of four values less the one opposite.
 * @param values whole groups
 */
export function unrotate(values: Float32Array, group: number): void {
  const sums = new Float64Array(group);
  for (let begin = 0; begin < values.length; begin += group) {
    firstStep(values, begin, sums);
    if (group === 4) values.set(sums, begin);
    else {
      for (let distance = 4; distance < group / 4; distance *= 4) middleStep(sums, distance);
      lastStep(sums, values, begin);
    }
  }
}

// One function for each pair of array types: over twice as fast as one for all.

function firstStep(values: Float32Array, begin: number, sums: Float64Array): void {
  for (let i = 0; i < sums.length; i += 4) {
    const a = values[begin + i] as number;
    const b = values[begin + i + 1] as number;
    const c = values[begin + i + 2] as number;
    const d = values[begin + i + 3] as number;
    const half = (a + b + c + d) * 0.5;
    sums[i] = half - d;
    sums[i + 1] = half - c;
    sums[i + 2] = half - b;
    sums[i + 3] = half - a;
  }
}

function middleStep(sums: Float64Array, distance: number): void {
  for (let block = 0; block < sums.length; block += 4 * distance) {
    for (let i = block; i < block + distance; i++) {
      const a = sums[i] as number;
      const b = sums[i + distance] as number;
      const c = sums[i + 2 * distance] as number;
      const d = sums[i + 3 * distance] as number;
      const half = (a + b + c + d) * 0.5;
      sums[i] = half - d;
      sums[i + distance] = half - c;
      sums[i + 2 * distance] = half - b;
      sums[i + 3 * distance] = half - a;
    }
  }
}

function lastStep(sums: Float64Array, values: Float32Array, begin: number): void {
  const distance = sums.length / 4;
  for (let i = 0; i < distance; i++) {
    const a = sums[i] as number;
    const b = sums[i + distance] as number;
    const c = sums[i + 2 * distance] as number;
    const d = sums[i + 3 * distance] as number;
    const half = (a + b + c + d) * 0.5;
    const at = begin + i;
    values[at] = half - d;
    values[at + distance] = half - c;
    values[at + 2 * distance] = half - b;
    values[at + 3 * distance] = half - a;
  }
}
