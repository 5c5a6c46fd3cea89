/**
 * int4: our own symmetric 4-bit format in MatMulNBits' layout: blocks of 32 along K, each with a scale, codes -8 to 7
 * stored with the default zero point 8. N rows (output channels), K columns.
 *
 * The scale of a block is searched for the least squared error and may be negative, which chooses the sign that gets the
 * extra code. On centred weights (fixture, Gaussian, Laplace, Student-t(4), uniform) the error is 8 to 25 % below
 * quanto's qint4 (affine, groups of 128); weights far from zero mean would favour an affine format.
 */
import { f16ToF32, f32ToF16 } from '../../../base/float-formats.js';
import { BATCH } from '../simd/block-functions.js';
import type { BlockKernels } from '../simd/block-kernels.js';
import { forRowBatches } from './batches.js';
import type { ScaleDtype, Weights } from './weights.js';
import { nBitsLayer } from './products.js';
import { part, scaleBytes, type PackedFormat } from './storage-format.js';

/** Weights per scale; the only block size with a fast kernel on WebGPU (docs/measurements.md). */
const INT4_BLOCK = 32;
/** Added to codes in storage: MatMulNBits' default zero point. */
const INT4_ZERO = 8;

/**
 * Candidates for the code of the block's extreme weight. Four values come within 1 % of the error of eighty (measured on
 * the weights named above).
 */
const EXTREME_CODES = [-8.49, -8, -7.3, -6.5] as const;

export interface Int4Weights {
  /** [N, ceil(K / 32), 16]: code + 8, even columns in the low nibble; columns from K on have the zero point. */
  readonly codes: Uint8Array;
  /** [N, ceil(K / 32)], rounded to the scale dtype; 0 for blocks of zeros. */
  readonly scale: Float32Array;
}

/** The normal numbers of f16. */
const F16_NORMAL = { least: 2 ** -14, most: 65504 } as const;

/** Rounded to f16 in f32 too, where f16 has the digits: then every provider computes with the same codes and scales. */
function roundTo(scale: number, dtype: ScaleDtype): number {
  const magnitude = Math.abs(scale);
  const inF16 = dtype === 'f16' || (magnitude >= F16_NORMAL.least && magnitude <= F16_NORMAL.most);
  return inF16 ? f16ToF32(f32ToF16(scale)) : Math.fround(scale);
}

/** Least-squares scale for the best candidate's codes. @param from place of the block's four candidates */
function bestScale({ products, squares }: BlockKernels, from: number): number {
  let bestScore = -1;
  let best = 0;
  for (let i = from; i < from + 4; i++) {
    // With scale = products / squares the squared error is sum(weight²) minus this score.
    const scale = (products[i] as number) / (squares[i] as number);
    const score = scale * (products[i] as number);
    if (score > bestScore) {
      bestScore = score;
      best = scale;
    }
  }
  return best;
}

/**
 * @param weights [N, K] f32 or bf16 bits, read only
 * @param out [N, ceil(K / 32), 16]; every byte is written; columns from K on have the zero point
 * @param scale [N, ceil(K / 32)]
 * @throws AppError quant.invalid-input
 */
function encodeInt4Rows(
  weights: Weights,
  n: number,
  k: number,
  scaleDtype: ScaleDtype,
  out: Uint8Array,
  scale: Float32Array,
  label: string,
): void {
  const [a, b, c, d] = EXTREME_CODES;
  const extremes = new Float32Array(BATCH / INT4_BLOCK);
  forRowBatches(weights, n, k, label, (kernels, block, blocks) => {
    const { candidates } = kernels;
    for (let i = 0; i < blocks; i++) {
      const extreme = (extremes[i] = kernels.extreme(2 * i));
      candidates[4 * i] = a / extreme;
      candidates[4 * i + 1] = b / extreme;
      candidates[4 * i + 2] = c / extreme;
      candidates[4 * i + 3] = d / extreme;
    }
    kernels.run('candidates');
    for (let i = 0; i < blocks; i++) {
      const step = extremes[i] === 0 ? 0 : roundTo(bestScale(kernels, 4 * i), scaleDtype);
      scale[block + i] = step;
      encodeBlock(kernels.weights, i * INT4_BLOCK, step === 0 ? 0 : 1 / step, out, (block + i) * (INT4_BLOCK / 2));
    }
  });
}

/** Nearest codes, clamped, plus 8: 16 bytes. */
function encodeBlock(weights: Float32Array, from: number, inverse: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < 32; i += 2) {
    const low = ((weights[from + i] as number) * inverse + 8.5) | 0;
    const high = ((weights[from + i + 1] as number) * inverse + 8.5) | 0;
    out[at + (i >> 1)] = (low > 15 ? 15 : low < 0 ? 0 : low) | ((high > 15 ? 15 : high < 0 ? 0 : high) << 4);
  }
}

/**
 * int4 of a matrix.
 * @param weights [N, K] f32 or bf16 bits, read only
 * @param scaleDtype dtype of the stored scales; codes are chosen for scales rounded to it
 * @throws AppError quant.invalid-input for NaN and infinity
 */
export function encodeInt4(
  weights: Weights,
  n: number,
  k: number,
  scaleDtype: ScaleDtype = 'f32',
  label = 'weight',
): Int4Weights {
  const blocks = Math.ceil(k / INT4_BLOCK);
  const codes = new Uint8Array(n * blocks * (INT4_BLOCK / 2));
  const scale = new Float32Array(n * blocks);
  encodeInt4Rows(weights, n, k, scaleDtype, codes, scale, label);
  return { codes, scale };
}

/** (code - 8) · scale, [N, K] f32. */
export function decodeInt4({ codes, scale }: Int4Weights, n: number, k: number): Float32Array {
  const blocks = Math.ceil(k / INT4_BLOCK);
  const values = new Float32Array(n * k);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < k; column++) {
      const block = row * blocks + Math.floor(column / INT4_BLOCK);
      const byte = codes[(row * blocks * INT4_BLOCK + column) >> 1] as number;
      const code = ((column & 1) === 0 ? byte & 15 : byte >> 4) - INT4_ZERO;
      values[row * k + column] = code * (scale[block] as number);
    }
  }
  return values;
}

/** Stored: codes + 8, low nibble first, columns from K on 8, [N, ceil(K/32), 16]; scale [N, ceil(K/32)]. */
export const int4: PackedFormat = {
  layout: (n, k, scaleDtype) => {
    const blocks = Math.ceil(k / INT4_BLOCK);
    return [part('codes', 'u8', [n, blocks, INT4_BLOCK / 2]), part('scale', scaleDtype, [n, blocks])];
  },
  unit: 'row',
  columnBlock: INT4_BLOCK,
  sharedParts: [],
  gpuOverhead: 1.093,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const blocks = n * Math.ceil(k / INT4_BLOCK);
    const codes = memory.bytes('codes', blocks * (INT4_BLOCK / 2));
    const scale = memory.scales(blocks);
    encodeInt4Rows(weights, n, k, scaleDtype, codes, scale, label);
    return new Map([
      ['codes', codes],
      ['scale', scaleBytes(scale, scaleDtype, label)],
    ]);
  },
  decode: (parts, n, k) => decodeInt4({ codes: parts.bytes('codes'), scale: parts.scales('scale') }, n, k),
  layer: (ops, { n, k, part: stored }, bias) =>
    nBitsLayer(ops, { codes: stored('codes'), scales: stored('scale'), bits: 4, n, k }, bias),
};
