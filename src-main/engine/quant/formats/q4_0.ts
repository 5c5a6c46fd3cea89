/**
 * ggml's Q4_0: blocks of 32 along K, each with an f16 scale: the weight of largest magnitude gets the code −8. N rows
 * (output channels), K columns. Codes and scales are llama.cpp's, bit for bit; stored as MatMulNBits has them.
 *
 * @source ggml-org/ggml 0.25.3 src/ggml-quants.c: quantize_row_q4_0_ref
 */
import { f16ToF32, f32ToF16 } from '../../../base/float-formats.js';
import { forRowBatches } from './batches.js';
import { NBITS_BLOCK, nBitsLayer } from './products.js';
import { part, scaleBytes, type PackedFormat } from './storage-format.js';
import { F16_MAX, tooLargeError, type Weights } from './weights.js';

/** Added to codes in storage. */
const ZERO = 8;

const blocksOf = (k: number): number => Math.ceil(k / NBITS_BLOCK);

function encode(weights: Weights, n: number, k: number, codes: Uint8Array, scale: Float32Array, label: string): void {
  forRowBatches(weights, n, k, label, (kernels, block, blocks) => {
    for (let b = 0; b < blocks; b++) {
      const step = Math.fround(kernels.extreme(2 * b) / -ZERO);
      const half = f16ToF32(f32ToF16(step));
      if (Math.abs(half) > F16_MAX) throw tooLargeError(label, step, 'scale');
      scale[block + b] = half;
      kernels.setFactor(b, step === 0 ? 0 : 1 / step);
    }
    kernels.run('shifted');
    for (let b = 0; b < blocks; b++) {
      // A step below 2^-128 has no inverse: C casts what is infinite then, which gives 0 on x86.
      const isInfinite = !Number.isFinite(kernels.factors[2 * b] as number);
      if (isInfinite) kernels.codes.fill(0, b * (NBITS_BLOCK / 2), (b + 1) * (NBITS_BLOCK / 2));
    }
    codes.set(kernels.codes.subarray(0, blocks * (NBITS_BLOCK / 2)), block * (NBITS_BLOCK / 2));
  });
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
