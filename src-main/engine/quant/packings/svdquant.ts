/**
 * SVDQuant's linears in the order of nunchaku's GPU kernels: 4-bit codes, scales of groups, a smoothing divisor for each
 * input and a low-rank branch. Pure.
 *
 * N output channels, K input channels, R the rank; a tile is 128 rows.
 * @source mit-han-lab/deepcompressor 69f3473: deepcompressor/backend/nunchaku/utils.py (NunchakuWeightPacker)
 */
import { E2M1_VALUES } from './block-scales.js';

/** Rows that are packed together. */
export const SVDQ_TILE = 128;
/** Rows and columns of a pack of the low-rank matrices. */
export const SVDQ_PACK = 16;

/** int4 has a scale for 64 columns, fp4 one for 16. */
export const SVDQ_FORMATS = {
  int4: { group: 64, values: Float32Array.from({ length: 16 }, (_, code) => (code << 28) >> 28) },
  fp4: { group: 16, values: E2M1_VALUES },
} as const;
export type SvdqFormat = keyof typeof SVDQ_FORMATS;

/**
 * Place of each of 128 values of a vector (bias, smoothing, int4 scales of a group) in its packed order.
 * n = 16a + 8b + 2c + d lies at 16a + 4c + 2b + d.
 */
const VECTOR_PLACE = Uint8Array.from({ length: SVDQ_TILE }, (_, n) => {
  const [a, b, c, d] = [n >> 4, (n >> 3) & 1, (n >> 1) & 3, n & 1];
  return a * 16 + c * 4 + b * 2 + d;
});

/** A packed vector in its own order. @param packed whole tiles */
export function unpackSvdqVector(packed: Float32Array): Float32Array {
  return Float32Array.from(
    packed,
    (_, n) => packed[n - (n % SVDQ_TILE) + (VECTOR_PLACE[n % SVDQ_TILE] as number)] as number,
  );
}

/**
 * The scales of a tile, [128, K / group].
 * @param packed of the tile
 */
export function unpackSvdqScales(format: SvdqFormat, packed: Float32Array): Float32Array {
  const groups = packed.length / SVDQ_TILE;
  const out = new Float32Array(packed.length);
  for (let n = 0; n < SVDQ_TILE; n++) {
    for (let group = 0; group < groups; group++) {
      const place =
        format === 'int4'
          ? group * SVDQ_TILE + (VECTOR_PLACE[n] as number)
          : // Four groups of a row lie together; n = 32s + 8q + l.
            ((((group >> 2) * 8 + (n & 7)) * 4 + ((n >> 3) & 3)) * 4 + (n >> 5)) * 4 + (group & 3);
      out[n * groups + group] = packed[place] as number;
    }
  }
  return out;
}

export interface SvdqTile {
  readonly format: SvdqFormat;
  readonly k: number;
  /** [128 · K / 2], packed. */
  readonly codes: Uint8Array;
  /** [128, K / group], in their own order, other factors of the row included. */
  readonly scales: Float32Array;
  /** [K], in their own order. */
  readonly smooth: Float32Array;
}

/**
 * Rows [begin, end) of a tile without the low-rank branch: code · scale / smooth, one rounding to f32.
 * @param out written from `at`, [end - begin, K]
 */
export function decodeSvdqRows(tile: SvdqTile, begin: number, end: number, out: Float32Array, at: number): void {
  const { format, k, codes, scales, smooth } = tile;
  const { group, values } = SVDQ_FORMATS[format];
  const groups = k / group;
  const scaled = new Float64Array(16);
  let i = at;
  for (let n = begin; n < end; n++) {
    // Word (tk, n >> 4, n & 7, lk, (n >> 3) & 1, kp) has the 8 codes of columns 64·tk + 32·kp + 8·lk.
    const rowAt = (((n >> 4) * 8 + (n & 7)) * 16 + ((n >> 3) & 1) * 2) * 4;
    let lastGroup = -1;
    for (let column = 0; column < k; column += 8, i += 8) {
      const groupIndex = Math.floor(column / group);
      if (groupIndex !== lastGroup) {
        lastGroup = groupIndex;
        const scale = scales[n * groups + groupIndex] as number;
        for (let code = 0; code < 16; code++) scaled[code] = (values[code] as number) * scale;
      }
      const wordAt = rowAt + (column >> 6) * 4096 + ((column >> 3) & 3) * 16 + ((column >> 5) & 1) * 4;
      for (let r = 0; r < 8; r += 2) {
        const byte = codes[wordAt + (r >> 1)] as number;
        out[i + r] = (scaled[byte & 15] as number) / (smooth[column + r] as number);
        out[i + r + 1] = (scaled[byte >> 4] as number) / (smooth[column + r + 1] as number);
      }
    }
  }
}

/** Codes of a tile of int4 in the order of MatMulNBits: + 8, low nibble first, [128, K / 2]. */
export function unpackSvdqCodes(codes: Uint8Array, k: number): Uint8Array {
  const out = new Uint8Array((SVDQ_TILE * k) / 2);
  for (let n = 0, i = 0; n < SVDQ_TILE; n++) {
    const rowAt = (((n >> 4) * 8 + (n & 7)) * 16 + ((n >> 3) & 1) * 2) * 4;
    for (let column = 0; column < k; column += 8) {
      const wordAt = rowAt + (column >> 6) * 4096 + ((column >> 3) & 3) * 16 + ((column >> 5) & 1) * 4;
      // Two's complement: with its sign bit inverted, a code has 8 added.
      for (let byte = 0; byte < 4; byte++) out[i++] = (codes[wordAt + byte] as number) ^ 0x88;
    }
  }
  return out;
}

/** Place within a pack of 16 × 16 low-rank values: rows and columns as the kernel names them, n = 8p + l, k = 8q + 2j + x. */
function packPlace(n: number, k: number): number {
  return ((((n & 7) * 4 + ((k >> 1) & 3)) * 2 + (n >> 3)) * 2 + (k >> 3)) * 2 + (k & 1);
}

/** down, stored [K, R] in packs -> [R, K]; f64, so that sums need no conversion. */
export function unpackSvdqDown(packed: Float32Array, k: number, rank: number): Float64Array {
  const out = new Float64Array(rank * k);
  const packs = rank / SVDQ_PACK;
  for (let r = 0; r < rank; r++) {
    for (let column = 0; column < k; column++) {
      const pack = (column >> 4) * packs + (r >> 4);
      out[r * k + column] = packed[pack * 256 + packPlace(r & 15, column & 15)] as number;
    }
  }
  return out;
}

/**
 * Rows of up, stored [N, R] in packs -> [rows, R].
 * @param packed from the pack with the first row, which is the multiple of 16 at or before it
 * @param skip rows before the first
 */
export function unpackSvdqUp(packed: Float32Array, skip: number, rows: number, rank: number): Float32Array {
  const out = new Float32Array(rows * rank);
  const packs = rank / SVDQ_PACK;
  for (let row = 0; row < rows; row++) {
    const n = row + skip;
    for (let r = 0; r < rank; r++) {
      out[row * rank + r] = packed[((n >> 4) * packs + (r >> 4)) * 256 + packPlace(n & 15, r & 15)] as number;
    }
  }
  return out;
}
