/**
 * fp8 and fp4 with a scale for each block of columns, as ComfyUI writes MXFP8 and NVFP4: scales in the order of cuBLAS'
 * block-scaled products. Pure.
 *
 * R rows and K columns of a piece of a weight that begins at any row; C scales a row.
 * @source Comfy-Org/comfy-kitchen 0.2.40: float_utils.py (to_blocked), backends/eager/quantization.py
 */
import { E4M3FN_VALUES } from '../../../base/float-formats.js';

/** Rows of a tile of scales. */
export const SCALE_TILE_ROWS = 128;
/** Columns of a tile. */
const TILE_COLUMNS = 4;

/** Columns of a block. */
export const MXFP8_BLOCK = 32;
export const NVFP4_BLOCK = 16;

/** Values of fp4's codes, e2m1. @source OCP Microscaling Formats 1.0, section 5.3.3 */
export const E2M1_VALUES: Float32Array = Float32Array.of(
  0,
  0.5,
  1,
  1.5,
  2,
  3,
  4,
  6,
  -0,
  -0.5,
  -1,
  -1.5,
  -2,
  -3,
  -4,
  -6,
);

/** Shape of the stored scales of N rows with C scales each: whole tiles. */
export function swizzledShape(n: number, columns: number): [number, number] {
  const whole = (count: number, unit: number): number => Math.ceil(count / unit) * unit;
  return [whole(n, SCALE_TILE_ROWS), whole(columns, TILE_COLUMNS)];
}

/**
 * Place of a row's scale for column block c, from the start of its row of tiles: add `scaleColumn(c)`.
 * @param row within its tile
 */
function scaleRow(row: number): number {
  return (row % 32) * 16 + (row >> 5) * TILE_COLUMNS;
}

function scaleColumn(column: number): number {
  return (column >> 2) * (SCALE_TILE_ROWS * TILE_COLUMNS) + (column & 3);
}

/** Scales row by row, [rows, columns]. @param columns blocks of a row */
export function unswizzled(piece: Pick<BlockScaled, 'scales' | 'tileRow' | 'rows'>, columns: number): Uint8Array {
  const { rowAt, columnAt } = scalePlaces(piece, columns);
  const out = new Uint8Array(piece.rows * columns);
  for (let row = 0; row < piece.rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[row * columns + column] = piece.scales[(rowAt[row] as number) + (columnAt[column] as number)] as number;
    }
  }
  return out;
}

/** Codes and scales of a piece. */
export interface BlockScaled {
  /** Of the piece's rows. */
  readonly codes: Uint8Array;
  /** All tiles that touch the piece's rows. */
  readonly scales: Uint8Array;
  /** First row of the piece within its first tile. */
  readonly tileRow: number;
  readonly rows: number;
  readonly k: number;
}

/** Byte in `scales` at which each row's begin, and at which each column block's lie from there. */
function scalePlaces(
  { tileRow, rows }: Pick<BlockScaled, 'tileRow' | 'rows'>,
  columns: number,
): { rowAt: Int32Array; columnAt: Int32Array } {
  const tilesBytes = Math.ceil(columns / TILE_COLUMNS) * SCALE_TILE_ROWS * TILE_COLUMNS;
  return {
    rowAt: Int32Array.from({ length: rows }, (_, i) => {
      const row = tileRow + i;
      return Math.floor(row / SCALE_TILE_ROWS) * tilesBytes + scaleRow(row % SCALE_TILE_ROWS);
    }),
    columnAt: Int32Array.from({ length: columns }, (_, column) => scaleColumn(column)),
  };
}

/**
 * Factors of MXFP8's scales, powers of two. The package takes the scale 0 as the number 0, not as 2^-127.
 * 255 stands for NaN, and gives it.
 */
const E8M0_FACTORS = Float64Array.from({ length: 256 }, (_, e) => (e === 0 ? 0 : e === 255 ? NaN : 2 ** (e - 127)));

/** e4m3fn · 2^(scale - 127), [R, K]; NaN where a scale is 255. */
export function decodeMxfp8(piece: BlockScaled): Float32Array {
  const { codes, scales, rows, k } = piece;
  const out = new Float32Array(rows * k);
  const values = Float64Array.from(E4M3FN_VALUES);
  const columns = k / MXFP8_BLOCK;
  const { rowAt, columnAt } = scalePlaces(piece, columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const factor = E8M0_FACTORS[scales[(rowAt[row] as number) + (columnAt[column] as number)] as number] as number;
      const end = i + MXFP8_BLOCK;
      for (; i < end; i++) out[i] = (values[codes[i] as number] as number) * factor;
    }
  }
  return out;
}

/**
 * e2m1 · f32(tensor scale · e4m3fn), in this order, [R, K].
 *
 * @param piece codes [R, K / 2], even columns in the high nibble
 * @param tensorScale one number
 */
export function decodeNvfp4(piece: BlockScaled, tensorScale: number): Float32Array {
  const { codes, scales, rows, k } = piece;
  const out = new Float32Array(rows * k);
  const factors = Float32Array.from(E4M3FN_VALUES, (value) => tensorScale * value);
  const values = E2M1_VALUES;
  const columns = k / NVFP4_BLOCK;
  const { rowAt, columnAt } = scalePlaces(piece, columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const factor = factors[scales[(rowAt[row] as number) + (columnAt[column] as number)] as number] as number;
      const end = i + NVFP4_BLOCK;
      for (; i < end; i += 2) {
        const byte = codes[i >> 1] as number;
        out[i] = (values[byte >> 4] as number) * factor;
        out[i + 1] = (values[byte & 15] as number) * factor;
      }
    }
  }
  return out;
}
