/**
 * ggml's Q4_0: blocks of 32 along K, each with an f16 scale: the weight of largest magnitude gets the code −8. N rows
 * (output channels), K columns. Codes and scales are llama.cpp's, bit for bit; stored as MatMulNBits has them.
 *
 * @source ggml-org/ggml 0.25.3 src/ggml-quants.c: quantize_row_q4_0_ref
 */
import { f16ToF32, f32ToF16 } from '../../../base/float-formats.js';
import { NBITS_BLOCK, nBitsLayer } from './products.js';
import { part, scaleBytes, type PackedFormat } from './storage-format.js';
import { F16_MAX, notFiniteError, tooLargeError, widenBf16, type Weights } from './weights.js';

/** Added to codes in storage. */
const ZERO = 8;

const blocksOf = (k: number): number => Math.ceil(k / NBITS_BLOCK);

function encode(weights: Weights, n: number, k: number, codes: Uint8Array, scale: Float32Array, label: string): void {
  const blocks = blocksOf(k);
  const block = new Float32Array(NBITS_BLOCK);
  const isWide = weights instanceof Float32Array;
  for (let row = 0; row < n; row++) {
    for (let b = 0; b < blocks; b++) {
      const begin = row * k + b * NBITS_BLOCK;
      const end = Math.min(begin + NBITS_BLOCK, (row + 1) * k);
      if (end - begin < NBITS_BLOCK) block.fill(0);
      if (isWide) for (let i = begin; i < end; i++) block[i - begin] = weights[i] as number;
      else widenBf16(weights, begin, end, block);
      const step = Math.fround(extremeOf(block, label) / -8);
      const half = f16ToF32(f32ToF16(step));
      if (Math.abs(half) > F16_MAX) throw tooLargeError(label, step, 'scale');
      scale[row * blocks + b] = half;
      encodeBlock(block, step, codes, (row * blocks + b) * (NBITS_BLOCK / 2));
    }
  }
}

/** The first weight of largest magnitude. @throws AppError quant.invalid-input */
function extremeOf(block: Float32Array, label: string): number {
  let extreme = 0;
  let largest = 0;
  let zero = 0;
  for (let i = 0; i < 32; i++) {
    const weight = block[i] as number;
    const magnitude = Math.abs(weight);
    if (magnitude > largest) {
      largest = magnitude;
      extreme = weight;
    }
    zero += weight * 0;
  }
  if (zero !== 0) throw notFiniteError(label);
  return extreme;
}

/** C casts x · inverse + 8.5 toward zero; infinity, from a step below 2^-128, becomes 0 as on x86. */
function encodeBlock(block: Float32Array, step: number, out: Uint8Array, at: number): void {
  const inverse = step === 0 ? 0 : Math.fround(1 / step);
  for (let i = 0; i < 32; i += 2) {
    const low = Math.fround(Math.fround((block[i] as number) * inverse) + 8.5) | 0;
    const high = Math.fround(Math.fround((block[i + 1] as number) * inverse) + 8.5) | 0;
    out[at + (i >> 1)] = (low > 15 ? 15 : low) | ((high > 15 ? 15 : high) << 4);
  }
}

/** Stored: codes + 8, low nibble first, columns from K on 8, [N, ceil(K/32), 16]; scale [N, ceil(K/32)], values of f16. */
export const q4_0: PackedFormat = {
  layout: (n, k, scaleDtype) => [
    part('codes', 'u8', [n, blocksOf(k), NBITS_BLOCK / 2]),
    part('scale', scaleDtype, [n, blocksOf(k)]),
  ],
  unit: 'row',
  columnBlock: NBITS_BLOCK,
  sharedParts: [],
  gpuOverhead: 1.093,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const blocks = n * blocksOf(k);
    const codes = memory.bytes('codes', blocks * (NBITS_BLOCK / 2));
    const scale = memory.scales(blocks);
    encode(weights, n, k, codes, scale, label);
    return new Map([
      ['codes', codes],
      ['scale', scaleBytes(scale, scaleDtype, label)],
    ]);
  },
  decode: (parts, n, k) => {
    const [codes, scale, stride] = [parts.bytes('codes'), parts.scales('scale'), blocksOf(k) * NBITS_BLOCK];
    const values = new Float32Array(n * k);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < k; column++) {
        const at = row * stride + column;
        const code = ((codes[at >> 1] as number) >> ((at & 1) * 4)) & 15;
        values[row * k + column] = (code - ZERO) * (scale[at >> 5] as number);
      }
    }
    return values;
  },
  layer: (ops, { n, k, part: stored }, bias) =>
    nBitsLayer(ops, { codes: stored('codes'), scales: stored('scale'), bits: 4, n, k }, bias),
};
