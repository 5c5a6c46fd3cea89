/**
 * nf4: bitsandbytes' NF4. Weights are flattened; each block of 64 has an absmax, and each weight the 4-bit index of the
 * codebook value nearest to weight / absmax. The last block may be shorter.
 *
 * @source bitsandbytes-foundation/bitsandbytes: functional.py, backends/default/ops.py
 */
import { bf16ToF32 } from '../../../base/float-formats.js';
import { Bf16CodeTable, fitsTable } from './bf16-code-table.js';
import { BF16_INFINITY, bf16Absmax, bitsOf, f32Absmax, notFiniteError, widenBf16, type Weights } from './weights.js';
import { invariant } from '../../../base/assert.js';
import { addBias, gemmLayer, indices, NBITS_BLOCK, nBitsLayer } from './products.js';
import {
  part,
  scaleBytes,
  type Layer,
  type LayerOperators,
  type PackedFormat,
  type PackedWeight,
  type Value,
} from './storage-format.js';

/** Weights per absmax. */
export const NF4_BLOCK = 64;

/** Value of each code. @source bitsandbytes/functional.py, get_4bit_type('nf4') */
export const NF4_CODEBOOK: Float32Array = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/** Code of zero. */
const ZERO_CODE = 7;
/** bitsandbytes' guard against division by a zero absmax. */
const SMALLEST_ABSMAX = Math.fround(1e-38);

/** A quotient above the midpoint of codes c and c + 1 gets c + 1; on it, c. */
const MIDPOINTS = Float32Array.from({ length: 15 }, (_, code) =>
  Math.fround(((NF4_CODEBOOK[code] as number) + (NF4_CODEBOOK[code + 1] as number)) / 2),
);

/** Cells of 1/32 over the quotient's range [-1, 1]: narrower than the smallest distance of two midpoints. */
const CELLS = 65;
/** Code at the lower edge of each cell, and the one midpoint inside it (or none: infinity). */
const CELL_CODE = Uint8Array.from({ length: CELLS }, (_, cell) => countBelow(cell / 32 - 1));
const CELL_MIDPOINT = Float32Array.from(
  { length: CELLS },
  (_, cell) => MIDPOINTS[countBelow(cell / 32 - 1)] ?? Infinity,
);

function countBelow(quotient: number): number {
  return MIDPOINTS.reduce((count, midpoint) => count + (quotient > midpoint ? 1 : 0), 0);
}

/** Codes of f32 weights [begin, end), one byte each, into `out` from `at`. */
function nearestCodes(
  weights: Float32Array,
  begin: number,
  end: number,
  absmax: number,
  out: Uint8Array,
  at: number,
): void {
  const cellCode = CELL_CODE;
  const cellMidpoint = CELL_MIDPOINT;
  const divisor = Math.max(absmax, SMALLEST_ABSMAX);
  for (let i = begin; i < end; i++) {
    const quotient = Math.fround((weights[i] as number) / divisor);
    const cell = ((quotient + 1) * 32) | 0;
    out[at + i - begin] = (cellCode[cell] as number) + (quotient > (cellMidpoint[cell] as number) ? 1 : 0);
  }
}

export interface Nf4Weights {
  /** [ceil(count / 2)]; even flat indices in the high nibble, an odd count ends with the code of zero. */
  readonly codes: Uint8Array;
  /** [ceil(count / 64)]. */
  readonly absmax: Float32Array;
}

let table: Bf16CodeTable | undefined;
/** Codes are zero's below absmax · 0.0398: less than 6 octaves of 128 steps. */
const TABLE_DEPTH = 6 * 128;

/**
 * @param weights flattened, f32 or bf16 bits, read only
 * @param out [ceil(count / 2)]
 * @param absmax [ceil(count / 64)]
 * @throws AppError quant.invalid-input
 */
function encodeNf4Blocks(weights: Weights, out: Uint8Array, absmax: Float32Array, label: string): void {
  const codes = new Uint8Array(NF4_BLOCK);
  const encodeBlock =
    weights instanceof Float32Array ? f32BlockEncoder(weights, codes, label) : bf16BlockEncoder(weights, codes, label);
  for (let block = 0; block < absmax.length; block++) {
    const begin = block * NF4_BLOCK;
    const end = Math.min(begin + NF4_BLOCK, weights.length);
    absmax[block] = encodeBlock(begin, end);
    if ((end - begin) % 2 === 1) codes[end - begin] = ZERO_CODE;
    for (let i = 0, at = begin >> 1; begin + i < end; i += 2) {
      out[at++] = ((codes[i] as number) << 4) | (codes[i + 1] as number);
    }
  }
}

/** Writes the codes of weights [begin, end) and returns their absmax. */
type BlockEncoder = (begin: number, end: number) => number;

function f32BlockEncoder(weights: Float32Array, codes: Uint8Array, label: string): BlockEncoder {
  const bits = bitsOf(weights);
  return (begin, end) => {
    const absmax = f32Absmax(bits, begin, end);
    if (Number.isNaN(absmax)) throw notFiniteError(label);
    nearestCodes(weights, begin, end, absmax, codes, 0);
    return absmax;
  };
}

function bf16BlockEncoder(bits: Uint16Array, codes: Uint8Array, label: string): BlockEncoder {
  const byTable = (table ??= new Bf16CodeTable(TABLE_DEPTH, (weights, absmax, out, at) =>
    nearestCodes(weights, 0, weights.length, absmax, out, at),
  ));
  const wide = new Float32Array(NF4_BLOCK);
  return (begin, end) => {
    const absmaxBits = bf16Absmax(bits, begin, end);
    if (absmaxBits >= BF16_INFINITY) throw notFiniteError(label);
    const absmax = bf16ToF32(absmaxBits);
    if (absmaxBits === 0) codes.fill(ZERO_CODE);
    else if (fitsTable(absmaxBits)) byTable.encode(bits, begin, end, absmaxBits, codes, 0);
    else nearestCodes(widenBf16(bits, begin, end, wide), 0, end - begin, absmax, codes, 0);
    return absmax;
  };
}

/**
 * bitsandbytes' NF4 of a matrix, flattened row-major.
 * @param weights [N, K] f32 or bf16 bits, read only
 * @throws AppError quant.invalid-input for NaN and infinity
 */
export function encodeNf4(weights: Weights, n: number, k: number, label = 'weight'): Nf4Weights {
  const count = n * k;
  const codes = new Uint8Array(Math.ceil(count / 2));
  const absmax = new Float32Array(Math.ceil(count / NF4_BLOCK));
  encodeNf4Blocks(weights.subarray(0, count), codes, absmax, label);
  return { codes, absmax };
}

/** codebook value · absmax, [N, K] f32. */
export function decodeNf4({ codes, absmax }: Nf4Weights, n: number, k: number): Float32Array {
  return Float32Array.from({ length: n * k }, (_, i) => {
    const byte = codes[i >> 1] as number;
    const code = (i & 1) === 0 ? byte >> 4 : byte & 15;
    return (NF4_CODEBOOK[code] as number) * (absmax[Math.floor(i / NF4_BLOCK)] as number);
  });
}

/** Stored: flattened, high nibble first, [ceil(N·K/2)]; absmax [ceil(N·K/64)]. */
export const nf4: PackedFormat = {
  layout: (n, k, scaleDtype) => [
    part('codes', 'u8', [Math.ceil((n * k) / 2)]),
    part('absmax', scaleDtype, [Math.ceil((n * k) / NF4_BLOCK)]),
  ],
  unit: NF4_BLOCK,
  columnBlock: NF4_BLOCK,
  sharedParts: [],
  gpuOverhead: 1.054,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const codes = memory.bytes('codes', Math.ceil((n * k) / 2));
    const absmax = memory.scales(Math.ceil((n * k) / NF4_BLOCK));
    encodeNf4Blocks(weights, codes, absmax, label);
    return new Map([
      ['codes', codes],
      ['absmax', scaleBytes(absmax, scaleDtype, label)],
    ]);
  },
  decode: (parts, n, k) => decodeNf4({ codes: parts.bytes('codes'), absmax: parts.scales('absmax') }, n, k),
  layer: (ops, weight, bias, after) => {
    const operator = ops.profile.operators.nf4;
    if (operator === 'table') return tableLayer(ops, weight, bias, after);
    if (operator === 'byte-codes' && weight.k % NF4_BLOCK === 0) return byteCodesLayer(ops, weight, bias, after);
    const parts = [weight.part('codes'), weight.part('absmax')];
    const attributes = { K: weight.k, N: weight.n, block_size: NF4_BLOCK, quant_type: 1 };
    return (x) => addBias(ops, ops.g.node('MatMulBnb4', [x, ...parts], attributes, { domain: 'com.microsoft' }), bias);
  },
};

/** Pairs of 8-bit codes by byte, then MatMulNBits; rounds the codebook to 1/127. Rows must be whole blocks. */
function byteCodesLayer(ops: LayerOperators, weight: PackedWeight, bias: Value | null, after: Value): Layer {
  const { n, k } = weight;
  const pairs = Uint8Array.from(pairsByByte(), (value) => 128 + Math.round(value * 127));
  const rows = weight.part('codes', { shape: [n, k / 2] });
  const gathered = ops.g.node('Gather', [ops.g.constant('u8', [256, 2], pairs), indices(ops, rows, after)]);
  const codes = ops.reshape(gathered, [n, k / NBITS_BLOCK, NBITS_BLOCK]);
  const blocks = weight.part('absmax', { shape: [n, k / NF4_BLOCK, 1] });
  const unit = ops.add(ops.zeroAfter(after), ops.numbers([1 / 127], [1]));
  const perBlock = ops.g.node('Expand', [
    ops.mul(blocks, unit),
    ops.g.i64([n, k / NF4_BLOCK, NF4_BLOCK / NBITS_BLOCK]),
  ]);
  return nBitsLayer(ops, { codes, scales: ops.reshape(perBlock, [n, k / NBITS_BLOCK]), bits: 8, n, k }, bias);
}

/** Pairs of codebook values by byte, times absmax, then Gemm. Blocks may span rows. */
function tableLayer(ops: LayerOperators, weight: PackedWeight, bias: Value | null, after: Value): Layer {
  const { name, n, k } = weight;
  invariant((n * k) % NF4_BLOCK === 0, `${name} has ${n * k} weights, not whole blocks of ${NF4_BLOCK}`);
  const blocks = (n * k) / NF4_BLOCK;
  const bytes = weight.part('codes', { shape: [blocks, NF4_BLOCK / 2] });
  const values = ops.g.node('Gather', [ops.numbers(pairsByByte(), [256, 2]), indices(ops, bytes, after)]);
  const scale = weight.part('absmax', { shape: [blocks, 1] });
  return gemmLayer(ops, ops.reshape(ops.mul(ops.reshape(values, [blocks, NF4_BLOCK]), scale), [n, k]), bias);
}

/** The two codebook values of each byte, [256, 2]. */
function pairsByByte(): number[] {
  return Array.from({ length: 256 }, (_, byte) => [byte >> 4, byte & 15])
    .flat()
    .map((code) => NF4_CODEBOOK[code] as number);
}
