/**
 * quanto's qint4 (affine, groups along K) as a yardstick for our int4. Reference only; the app does not use it.
 *
 * @source huggingface/optimum-quanto: tensor/optimizers/max_optimizer.py, tensor/weights/packed tensors
 */

/** Values of quanto's packed qint4: nibbles are packed along dim 0, low nibble row r, high nibble row r + rows/2. */
export function decodeQint4(packed: Uint8Array, scale: Float32Array, shift: Float32Array, group: number): Float32Array {
  const half = packed.length / group;
  return Float32Array.from({ length: packed.length * 2 }, (_, i) => {
    const row = Math.floor(i / group);
    const byte = packed[(row % half) * group + (i % group)] as number;
    const code = row < half ? byte & 15 : byte >> 4;
    return Math.fround(code * (scale[row] as number)) - (shift[row] as number);
  });
}

/** Quantizes and dequantizes [N, K] as quanto does: groups of 128, or a whole row where K is at most 128. */
export function roundTripQint4(weights: Float32Array, k: number): Float32Array {
  const group = k <= 128 ? k : ([128, 96, 64, 32].find((size) => k % size === 0) ?? k);
  const values = new Float32Array(weights.length);
  for (let begin = 0; begin < weights.length; begin += group) {
    const block = weights.subarray(begin, begin + group);
    const min = Math.min(...block);
    const scale = Math.fround((Math.max(...block) - min) / 15) || 1;
    for (let i = 0; i < block.length; i++) {
      const code = Math.min(Math.max(Math.round(((block[i] as number) - min) / scale), 0), 15);
      values[begin + i] = code * scale + min;
    }
  }
  return values;
}

/** |a - b| / |b|, both as vectors. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += ((a[i] as number) - (b[i] as number)) ** 2;
    norm += (b[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
}
