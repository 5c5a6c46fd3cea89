/**
 * 16-bit fixed point, one power-of-two scale per output row, for devices whose matrix kernels take bytes: a weight is
 * (high + low/256) · scale with two signed bytes. A bf16 weight down to 1/127 of its row's largest is exact; a smaller
 * one is off by at most 2^-15 of the largest, less than the resolution of f16 activations. N rows, K columns.
 */
import {
  bf16Absmax,
  BF16_INFINITY,
  bitsOf,
  f32Absmax,
  notFiniteError,
  tooLargeError,
  F16_MAX,
  type Weights,
} from './weights.js';
import { bf16ToF32 } from '../../../base/float-formats.js';
import { NBITS_BLOCK, nBitsLayer, nBitsPlane, nBitsStride, rowScales } from './products.js';
import { part, scaleBytes, type Layer, type PackedFormat } from './storage-format.js';

/** Steps of the low byte per step of the high byte. */
const FIXED16_LOW_STEPS = 256;
/** Added to both codes in storage: MatMulNBits' zero point. */
const ZERO = 128;
const LARGEST_HIGH = 127;
/** The low byte's scale, 2^-8 of the row's, is still representable in f16. */
const SMALLEST_SCALE = 2 ** -16;

/**
 * @param weights [N, K] f32 or bf16 bits, read only
 * @param high @param low [N, stride] bytes; columns from K on are unchanged
 * @param scale [N]
 * @param label names the tensor in errors
 * @throws AppError quant.invalid-input for NaN, infinity and values beyond f16
 */
export function encodeFixed16Rows(
  weights: Weights,
  n: number,
  k: number,
  high: Uint8Array,
  low: Uint8Array,
  stride: number,
  scale: Float32Array,
  label: string,
): void {
  for (let row = 0; row < n; row++) {
    const absmax = rowAbsmax(weights, row * k, (row + 1) * k, label);
    if (absmax > F16_MAX) throw tooLargeError(label, absmax, 'weight');
    const rowScale = scaleOf(absmax);
    scale[row] = rowScale;
    const factor = FIXED16_LOW_STEPS / rowScale;
    const isBf16 = !(weights instanceof Float32Array);
    for (let i = 0; i < k; i++) {
      const stored = weights[row * k + i] as number;
      const weight = isBf16 ? bf16ToF32(stored) : stored;
      // Adding and subtracting 1.5 · 2^23 rounds an f32 to an integer, ties to even.
      const steps = Math.fround(Math.fround(weight * factor) + 12582912) - 12582912;
      const top = (steps + ZERO) >> 8;
      high[row * stride + i] = top + ZERO;
      low[row * stride + i] = steps - (top << 8) + ZERO;
    }
  }
}

/** The smallest power of two that keeps the row's largest weight within the high byte. */
function scaleOf(absmax: number): number {
  if (absmax === 0) return 1;
  return Math.max(SMALLEST_SCALE, 2 ** Math.ceil(Math.log2(absmax / LARGEST_HIGH)));
}

function rowAbsmax(weights: Weights, begin: number, end: number, label: string): number {
  if (weights instanceof Float32Array) {
    const absmax = f32Absmax(bitsOf(weights), begin, end);
    if (Number.isNaN(absmax)) throw notFiniteError(label);
    return absmax;
  }
  const bits = bf16Absmax(weights, begin, end);
  if (bits >= BF16_INFINITY) throw notFiniteError(label);
  return bf16ToF32(bits);
}

/** (high + low/256) · scale, [N, K] f32. */
export function decodeFixed16(
  { high, low, scale }: { readonly high: Uint8Array; readonly low: Uint8Array; readonly scale: Float32Array },
  n: number,
  k: number,
  stride: number,
): Float32Array {
  return Float32Array.from({ length: n * k }, (_, i) => {
    const row = Math.floor(i / k);
    const at = row * stride + (i % k);
    const steps = (high[at] as number) - ZERO + ((low[at] as number) - ZERO) / FIXED16_LOW_STEPS;
    return steps * (scale[row] as number);
  });
}

/** Stored: high and low bytes + 128, columns from K on 128, each [N, ceil(K/32), 32]; scale [N, 1]. */
export const fixed16: PackedFormat = {
  layout: (n, k, scaleDtype) => [
    part('high', 'u8', nBitsPlane(n, k)),
    part('low', 'u8', nBitsPlane(n, k)),
    part('scale', scaleDtype, [n, 1]),
  ],
  unit: 'row',
  columnBlock: NBITS_BLOCK,
  sharedParts: ['scale'],
  gpuOverhead: 1.004,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const stride = nBitsStride(k);
    const [high, low] = [memory.bytes('high', n * stride), memory.bytes('low', n * stride)];
    if (stride > k) [high, low].forEach((plane) => plane.fill(ZERO));
    const scale = memory.scales(n);
    encodeFixed16Rows(weights, n, k, high, low, stride, scale, label);
    return new Map([
      ['high', high],
      ['low', low],
      ['scale', scaleBytes(scale, scaleDtype, label)],
    ]);
  },
  decode: (parts, n, k) => {
    const planes = { high: parts.bytes('high'), low: parts.bytes('low'), scale: parts.scales('scale') };
    return decodeFixed16(planes, n, k, nBitsStride(k));
  },
  layer: (ops, { n, k, part: stored }, bias, after) => {
    const scale = stored('scale');
    const lowScale = ops.mul(scale, ops.numbers([1 / FIXED16_LOW_STEPS]));
    const plane = (name: 'high' | 'low', planeScale: string, planeBias: string | null): Layer => {
      const codes = stored(name);
      return nBitsLayer(ops, { codes, scales: rowScales(ops, planeScale, n, k, after), bits: 8, n, k }, planeBias);
    };
    const high = plane('high', scale, bias);
    const low = plane('low', lowScale, null);
    return (x) => ops.add(high(x), low(x));
  },
};
