/** Products shared by several formats. S tokens, N output channels, K input channels. */
import type { Layer, LayerOperators, Value } from './storage-format.js';

/** Weights per block of MatMulNBits; in 8 bits only the storage has blocks, the scale is the row's. */
export const NBITS_BLOCK = 32;

export function addBias(ops: LayerOperators, y: Value, bias: Value | null): Value {
  return bias === null ? y : ops.add(y, bias);
}

/** x · wᵀ + bias for w [N, K] in compute dtype. */
export function gemmLayer(ops: LayerOperators, w: Value, bias: Value | null): Layer {
  return (x) => ops.g.node('Gemm', bias === null ? [x, w] : [x, w, bias], { transB: 1 });
}

/** x · (code · scale)ᵀ + bias by MatMulNBits. @param weight codes [N, ceil(K/32), 32·bits/8], scales [N, ceil(K/32)] */
export function nBitsLayer(
  ops: LayerOperators,
  weight: {
    readonly codes: Value;
    readonly scales: Value;
    readonly bits: 4 | 8;
    readonly n: number;
    readonly k: number;
    /** Columns with one scale. Default 32. */
    readonly block?: number;
  },
  bias: Value | null,
): Layer {
  const { codes, scales, bits, n, k, block = NBITS_BLOCK } = weight;
  const inKernel = ops.profile.nBitsBias === 'input' ? bias : null;
  const product: Layer = (x) =>
    ops.g.node(
      'MatMulNBits',
      [x, codes, scales, ...(inKernel === null ? [] : ['', '', inKernel])],
      // accuracy_level 1 keeps activations in f32; the default may quantize them to 8 bits on a CPU.
      { K: k, N: n, bits, block_size: block, ...(ops.dtype === 'f32' ? { accuracy_level: 1 } : {}) },
      { domain: 'com.microsoft' },
    );
  return inKernel === null ? (x) => addBias(ops, product(x), bias) : product;
}

/** Scales [N, blocks] of rows' scales [N, 1]. */
export function rowScales(ops: LayerOperators, scale: Value, n: number, k: number, after: Value): Value {
  return ops.g.node('Expand', [ops.add(scale, ops.zeroAfter(after)), ops.g.i64([n, Math.ceil(k / NBITS_BLOCK)])]);
}

/** Indices for a Gather from u8 codes, computed after `after`. */
export function indices(ops: LayerOperators, codes: Value, after: Value): Value {
  return ops.add(ops.cast(codes, 'u8', 'i32'), ops.cast(ops.zeroAfter(after), ops.dtype, 'i32'));
}

/** [N, K] of the values of whole blocks that follow the flattened matrix. @param count of all their values */
export function wholeMatrix(ops: LayerOperators, values: Value, count: number, n: number, k: number): Value {
  if (count === n * k) return ops.reshape(values, [n, k]);
  const flat = ops.reshape(values, [count]);
  return ops.reshape(ops.g.node('Slice', [flat, ops.g.i64([0]), ops.g.i64([n * k]), ops.g.i64([0])]), [n, k]);
}

/** Shape [N, ceil(K/32), 32] of 8-bit codes by row. */
export function nBitsPlane(n: number, k: number): readonly number[] {
  return [n, Math.ceil(k / NBITS_BLOCK), NBITS_BLOCK];
}

/** Bytes of a row of these codes. */
export function nBitsStride(k: number): number {
  return Math.ceil(k / NBITS_BLOCK) * NBITS_BLOCK;
}

/** Values of codes times their row's scale, [N, K] f32. @param stride bytes of a row */
export function decodeRows(
  codes: Uint8Array | Int8Array,
  scale: Float32Array,
  n: number,
  k: number,
  stride: number,
  valueOf: (code: number) => number,
): Float32Array {
  return Float32Array.from({ length: n * k }, (_, i) => {
    const row = Math.floor(i / k);
    return valueOf(codes[row * stride + (i % k)] as number) * (scale[row] as number);
  });
}
