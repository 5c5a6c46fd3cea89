/**
 * ComfyUI's integer forms of 4 and 6 bits, row-major with the even column in the low nibble. Pure.
 *
 * R rows and K columns of a piece of a weight; G columns a group.
 * @source Comfy-Org/comfy-kitchen 0.2.40: tensor/awq_w4a16.py, tensor/w4a8_packed.py, backends/eager/convrot_w4a4.py,
 * backends/eager/w4a8_int8.py
 */

/**
 * convrot_w4a4 before its rotation: signed nibble · scale of the row.
 * @param codes [R, K / 2]
 * @param scale [R]
 */
export function decodeSignedNibbles(codes: Uint8Array, scale: Float32Array, rows: number, k: number): Float32Array {
  const out = new Float32Array(rows * k);
  for (let row = 0, i = 0; row < rows; row++) {
    const factor = scale[row] as number;
    for (const end = i + k; i < end; i += 2) {
      const byte = codes[i >> 1] as number;
      out[i] = ((byte << 28) >> 28) * factor;
      out[i + 1] = ((byte << 24) >> 28) * factor;
    }
  }
  return out;
}

/**
 * awq_w4a16: f32((nibble - 8) · scale) + zero.
 * @param codes [R, K / 2]
 * @param scale [K / G, R], as `zero`
 */
export function decodeAffineNibbles(
  codes: Uint8Array,
  scale: Float32Array,
  zero: Float32Array,
  rows: number,
  k: number,
  group: number,
): Float32Array {
  const out = new Float32Array(rows * k);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < k / group; column++) {
      const factor = scale[column * rows + row] as number;
      const offset = zero[column * rows + row] as number;
      for (const end = i + group; i < end; i += 2) {
        const byte = codes[i >> 1] as number;
        out[i] = Math.fround(((byte & 15) - 8) * factor) + offset;
        out[i + 1] = Math.fround(((byte >> 4) - 8) * factor) + offset;
      }
    }
  }
  return out;
}

export interface GroupedCodes {
  /** [R, K · bits / 8]: the low nibbles; with 6 bits then a byte for each four columns with their upper two. */
  readonly codes: Uint8Array;
  readonly bits: 4 | 6;
  readonly rows: number;
  readonly k: number;
  readonly group: number;
  /** Value of each code. */
  readonly codebook: Float32Array;
  /** [R, K / G]. */
  readonly relative: Float32Array;
  /** [R]. */
  readonly channel: Float32Array;
  /** [K / G, R]; null for none. */
  readonly correction: Float32Array | null;
}

/**
 * asym_w4a8_int8 before its rotation: int8(f32(codebook[code] · relative)) · channel + correction, int8 rounding half to
 * even and clamped to ±127.
 */
export function decodeGroupedCodes(weights: GroupedCodes): Float32Array {
  const { rows, k, group, codebook, relative, channel, correction } = weights;
  const out = new Float32Array(rows * k);
  const groups = k / group;
  const codes = new Uint8Array(k);
  const values = new Float32Array(codebook.length);
  for (let row = 0, i = 0; row < rows; row++) {
    readCodes(weights, row, codes);
    const scale = channel[row] as number;
    for (let column = 0; column < groups; column++) {
      const factor = relative[row * groups + column] as number;
      for (let code = 0; code < values.length; code++) {
        const level = Math.fround((codebook[code] as number) * factor);
        const clamped = level > 127 ? 127 : level < -127 ? -127 : level;
        values[code] = (clamped + ROUNDS_TO_INTEGER - ROUNDS_TO_INTEGER) * scale;
      }
      if (correction !== null) {
        const offset = correction[column * rows + row] as number;
        for (let code = 0; code < values.length; code++) values[code] = (values[code] as number) + offset;
      }
      for (let j = column * group, end = j + group; j < end; j++, i++) {
        out[i] = values[codes[j] as number] as number;
      }
    }
  }
  return out;
}

/** Added to a small f64 and taken off again, it leaves the nearest integer, halves to even. */
const ROUNDS_TO_INTEGER = 1.5 * 2 ** 52;

function readCodes({ codes, bits, k }: GroupedCodes, row: number, out: Uint8Array): void {
  const begin = (row * k * bits) / 8;
  for (let j = 0; j < k; j += 2) {
    const byte = codes[begin + (j >> 1)] as number;
    out[j] = byte & 15;
    out[j + 1] = byte >> 4;
  }
  if (bits === 4) return;
  const upper = begin + k / 2;
  for (let j = 0; j < k; j++) {
    const two = ((codes[upper + (j >> 2)] as number) >> (2 * (j & 3))) & 3;
    out[j] = (out[j] as number) | (two << 4);
  }
}
