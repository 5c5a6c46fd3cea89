/**
 * TinyChat's 4-bit weights with an offset for each group (AWQ), as nunchaku has them for FLUX's modulations and for T5.
 * Pure.
 *
 * @source mit-han-lab/deepcompressor 69f3473: deepcompressor/backend/tinychat/utils.py (pack_w4)
 */

/** Rows that are packed together. */
export const TINYCHAT_ROWS = 4;
/** Columns that are packed together. */
export const TINYCHAT_COLUMNS = 64;

export interface TinychatPiece {
  /** Rows from a multiple of four on, K / 2 bytes each. */
  readonly codes: Uint8Array;
  readonly k: number;
  /** Columns of a group. */
  readonly group: number;
  /** [groups or more, rows of the piece], as `zero`. */
  readonly scale: Float32Array;
  readonly zero: Float32Array;
  /** Rows of the piece. */
  readonly rows: number;
}

/**
 * f32(code · scale) + zero of some rows, code 0 to 15.
 *
 * @param chosen indices of rows within the piece
 * @returns [chosen.length, K]
 */
export function decodeTinychatRows(piece: TinychatPiece, chosen: readonly number[]): Float32Array {
  const { codes, k, group, scale, zero, rows } = piece;
  const out = new Float32Array(chosen.length * k);
  const values = new Float32Array(16);
  chosen.forEach((row, index) => {
    // A row's words of 64 columns, 16 of them; of the four rows one after the other.
    const rowAt = Math.floor(row / TINYCHAT_ROWS) * TINYCHAT_ROWS * (k / 2) + (row % TINYCHAT_ROWS) * 32;
    for (let column = 0; column < k; column += 32) {
      if (column % group === 0) {
        const at = (column / group) * rows + row;
        const factor = scale[at] as number;
        const offset = zero[at] as number;
        for (let code = 0; code < 16; code++) values[code] = Math.fround(code * factor) + offset;
      }
      const wordsAt = rowAt + (column >> 6) * 128 + ((column >> 5) & 1) * 16;
      const outAt = index * k + column;
      for (let j = 0; j < 8; j++) {
        const low = codes[wordsAt + 2 * j] as number;
        const high = codes[wordsAt + 2 * j + 1] as number;
        out[outAt + j] = values[low & 15] as number;
        out[outAt + 8 + j] = values[low >> 4] as number;
        out[outAt + 16 + j] = values[high & 15] as number;
        out[outAt + 24 + j] = values[high >> 4] as number;
      }
    }
  });
  return out;
}
