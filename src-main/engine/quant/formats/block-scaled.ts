/**
 * ComfyUI's MXFP8 as files have it, its scales in rows: codes and scales are looked up in tables when a layer runs. It is
 * read, not made. N rows (output channels), K columns.
 *
 * @source Comfy-Org/comfy-kitchen 0.2.40 backends/eager/quantization.py; the order of products: `quant/packings`
 */
import { E4M3FN_VALUES } from '../../../base/float-formats.js';
import { MXFP8_BLOCK } from '../packings/block-scales.js';
import { gemmLayer, indices } from './products.js';
import { part, type LayerOperators, type PackedFormat, type PackedWeight, type Value } from './storage-format.js';

/** NaN codes are refused when a file is read; zero keeps the tables finite. */
const finite = (values: Float32Array): number[] => Array.from(values, (value) => (Number.isNaN(value) ? 0 : value));
const E4M3 = finite(E4M3FN_VALUES);
/** 2^(e − 127); e = 0 is zero, as in comfy-kitchen. */
const E8M0 = Array.from({ length: 256 }, (_, e) => (e === 0 || e === 255 ? 0 : 2 ** (e - 127)));
const readOnly = (): never => {
  throw new Error('Invariant violated: the format is read, not made');
};

function f32(ops: LayerOperators, values: readonly number[], dims: readonly number[]): Value {
  return ops.g.constant('f32', dims, new Uint8Array(Float32Array.from(values).buffer));
}

function lookUp(ops: LayerOperators, table: Value, codes: Value, after: Value): Value {
  return ops.g.node('Gather', [table, indices(ops, codes, after)]);
}

/** x · (values ∘ scales)ᵀ + bias, products in f32. @param values of [N, K] @param scales [N, K / block] */
function scaledLayer(ops: LayerOperators, { n, k }: PackedWeight, block: number, values: Value, scales: Value) {
  const blocks = k / block;
  const scaled = ops.mul(ops.reshape(values, [n, blocks, block]), ops.reshape(scales, [n, blocks, 1]));
  return ops.cast(ops.reshape(scaled, [n, k]), 'f32', ops.dtype);
}

/** Stored: e4m3fn codes [N, K]; e8m0 scales [N, K / 32]. */
export const mxfp8: PackedFormat = {
  layout: (n, k) => [part('codes', 'u8', [n, k]), part('scales', 'u8', [n, k / MXFP8_BLOCK])],
  unit: 'row',
  columnBlock: MXFP8_BLOCK,
  sharedParts: [],
  gpuOverhead: 1.006,
  encode: readOnly,
  decode: (parts, n, k) => {
    const [codes, scales] = [parts.bytes('codes'), parts.bytes('scales')];
    return Float32Array.from(
      { length: n * k },
      (_, i) => (E4M3[codes[i] as number] as number) * (E8M0[scales[Math.floor(i / MXFP8_BLOCK)] as number] as number),
    );
  },
  layer: (ops, weight, bias, after) => {
    const values = lookUp(ops, f32(ops, E4M3, [256]), weight.part('codes'), after);
    const scales = lookUp(ops, f32(ops, E8M0, [256]), weight.part('scales'), after);
    return gemmLayer(ops, scaledLayer(ops, weight, MXFP8_BLOCK, values, scales), bias);
  },
};
