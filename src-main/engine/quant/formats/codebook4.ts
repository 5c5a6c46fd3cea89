/**
 * bitsandbytes' 4-bit codes with any codebook, such as FP4: flattened, blocks of 64 with an absmax each. Read, not made; NF4
 * has its own operators (`nf4.ts`).
 *
 * @source bitsandbytes-foundation/bitsandbytes backends/default/ops.py
 */
import { NF4_BLOCK } from './nf4.js';
import { gemmLayer, indices } from './products.js';
import { part, type PackedFormat } from './storage-format.js';

/** Both values of each byte, the even element's in the high nibble; [256, 2]. @param codebook 16 values */
export function codebookPairs(codebook: Float32Array): Float32Array {
  const values = Array.from({ length: 256 }, (_, byte) => [
    codebook[byte >> 4] as number,
    codebook[byte & 15] as number,
  ]);
  return Float32Array.from(values.flat());
}

/** Stored: codes [N·K / 2]; absmax [N·K / 64]; pairs of codebook values by byte, f32 [256, 2]. Rows are whole blocks. */
export const codebook4: PackedFormat = {
  layout: (n, k) => [
    part('codes', 'u8', [(n * k) / 2]),
    part('absmax', 'f32', [(n * k) / NF4_BLOCK]),
    part('pairs', 'f32', [256, 2]),
  ],
  unit: NF4_BLOCK,
  columnBlock: NF4_BLOCK,
  sharedParts: ['pairs'],
  gpuOverhead: 1.054,
  encode: () => {
    throw new Error('Invariant violated: the format is read, not made');
  },
  decode: (parts, n, k) => {
    const [codes, absmax, pairs] = [parts.bytes('codes'), parts.floats('absmax'), parts.floats('pairs')];
    return Float32Array.from({ length: n * k }, (_, i) => {
      const value = pairs[(codes[i >> 1] as number) * 2 + (i & 1)] as number;
      return value * (absmax[Math.floor(i / NF4_BLOCK)] as number);
    });
  },
  layer: (ops, weight, bias, after) => {
    const { n, k } = weight;
    const blocks = (n * k) / NF4_BLOCK;
    const bytes = weight.part('codes', { shape: [blocks, NF4_BLOCK / 2] });
    const values = ops.g.node('Gather', [weight.part('pairs'), indices(ops, bytes, after)]);
    const scale = weight.part('absmax', { shape: [blocks, 1] });
    const scaled = ops.mul(ops.reshape(values, [blocks, NF4_BLOCK]), scale);
    return gemmLayer(ops, ops.cast(ops.reshape(scaled, [n, k]), 'f32', ops.dtype), bias);
  },
};
