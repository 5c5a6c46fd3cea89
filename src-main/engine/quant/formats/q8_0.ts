/**
 * ggml's Q8_0: blocks of 32 along K, each with an f16 scale of its largest weight over 127. N rows (output channels), K
 * columns. The codes and scales are llama.cpp's, bit for bit; only their order differs.
 *
 * @source ggml-org/ggml 0.25.3 src/ggml-quants.c: quantize_row_q8_0_ref
 */
import { f16ToF32, f32ToF16 } from '../../../base/float-formats.js';
import { forRowBatches } from './batches.js';
import { gemmLayer, NBITS_BLOCK, nBitsLayer, nBitsPlane, nBitsStride } from './products.js';
import { part, scaleBytes, type LayerOperators, type PackedFormat, type Value } from './storage-format.js';
import { F16_MAX, tooLargeError, type Weights } from './weights.js';

/** Added to codes in storage: MatMulNBits' zero point. */
const ZERO = 128;

function encode(weights: Weights, n: number, k: number, codes: Uint8Array, scale: Float32Array, label: string): void {
  forRowBatches(weights, n, k, label, (kernels, block, blocks) => {
    for (let b = 0; b < blocks; b++) {
      const absmax = Math.max(kernels.magnitude(2 * b), kernels.magnitude(2 * b + 1));
      const step = Math.fround(absmax / 127);
      const half = f16ToF32(f32ToF16(step));
      if (half > F16_MAX) throw tooLargeError(label, step, 'scale');
      scale[block + b] = half;
      const inverse = step === 0 ? 0 : Math.fround(1 / step);
      // A step below 2^-128 has none: C casts what is infinite then, which gives 0 on x86.
      kernels.setFactor(b, inverse === Infinity ? 0 : inverse);
    }
    kernels.run('rounded');
    codes.set(kernels.codes.subarray(0, blocks * NBITS_BLOCK), block * NBITS_BLOCK);
  });
}

/** Stored: codes + 128, columns from K on 128, [N, ceil(K/32), 32]; scale [N, ceil(K/32)], values of f16. */
export const q8_0: PackedFormat = {
  layout: (n, k, scaleDtype) => [
    part('codes', 'u8', nBitsPlane(n, k)),
    part('scale', scaleDtype, [n, Math.ceil(k / NBITS_BLOCK)]),
  ],
  unit: 'row',
  columnBlock: NBITS_BLOCK,
  sharedParts: [],
  gpuOverhead: 1.02,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const stride = nBitsStride(k);
    const codes = memory.bytes('codes', n * stride);
    const scale = memory.scales(n * (stride / NBITS_BLOCK));
    encode(weights, n, k, codes, scale, label);
    return new Map([
      ['codes', codes],
      ['scale', scaleBytes(scale, scaleDtype, label)],
    ]);
  },
  decode: (parts, n, k) => {
    const [codes, scale, stride] = [parts.bytes('codes'), parts.scales('scale'), nBitsStride(k)];
    const values = new Float32Array(n * k);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < k; column++) {
        const at = row * stride + column;
        values[row * k + column] = ((codes[at] as number) - ZERO) * (scale[at >> 5] as number);
      }
    }
    return values;
  },
  layer: (ops, { n, k, part: stored }, bias, after) => {
    const operator = ops.profile.operators.q8_0;
    if (operator === 'nbits') {
      return nBitsLayer(ops, { codes: stored('codes'), scales: stored('scale'), bits: 8, n, k }, bias);
    }
    const stride = nBitsStride(k);
    const blocks = (n * stride) / NBITS_BLOCK;
    const shape = [blocks, NBITS_BLOCK];
    const codes = stored('codes', { shape });
    const scale = stored('scale', { shape: [blocks, 1] });
    const values =
      operator === 'dequantize' ? dequantized(ops, codes, scale, blocks) : multiplied(ops, codes, scale, after);
    const rows = ops.reshape(values, [n, stride]);
    const w = stride === k ? rows : ops.g.node('Slice', [rows, ops.g.i64([0]), ops.g.i64([k]), ops.g.i64([1])]);
    return gemmLayer(ops, w, bias);
  },
};

/** By DequantizeLinear, the fastest way on a CPU. */
function dequantized(ops: LayerOperators, codes: Value, scale: Value, blocks: number): Value {
  const zeros = ops.g.node('Expand', [ops.g.constant('u8', [1, 1], Uint8Array.of(ZERO)), ops.g.i64([blocks, 1])]);
  return ops.g.node('DequantizeLinear', [codes, scale, zeros], { axis: 1, block_size: NBITS_BLOCK });
}

/** In compute dtype; the products are weights, so f16 can hold them. */
function multiplied(ops: LayerOperators, codes: Value, scale: Value, after: Value): Value {
  const zero = ops.add(ops.zeroAfter(after), ops.numbers([-ZERO], [1, 1]));
  return ops.mul(ops.add(ops.cast(codes, 'u8', ops.dtype), zero), scale);
}
