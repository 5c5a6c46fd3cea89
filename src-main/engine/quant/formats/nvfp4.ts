/**
 * NVFP4: codes of fp4 (e2m1) with an e4m3fn scale for each 16 weights of the flattened matrix [N, K]. ComfyUI's has a
 * second, f32 scale of the whole weight, the largest magnitude over 2688; ggml's has none, so blocks of small weights get a
 * coarse scale. Both are made as their tools make them, bit for bit.
 *
 * @source Comfy-Org/comfy-kitchen 0.2.40 backends/eager/quantization.py: quantize_nvfp4, tensor/nvfp4.py (of weights in
 * f32); ggml-org/ggml 0.25.3 src/ggml-quants.c: quantize_row_nvfp4_ref, src/ggml-impl.h: ggml_fp32_to_ue4m3
 */
import { E4M3FN_VALUES, f32ToE4m3fn } from '../../../base/float-formats.js';
import { E2M1_VALUES, NVFP4_BLOCK } from '../packings/block-scales.js';
import { forBatches } from './batches.js';
import { gemmLayer, indices, wholeMatrix } from './products.js';
import { part, type LayerOperators, type PackedFormat, type Value } from './storage-format.js';
import { absmaxOf } from './weights.js';

const BLOCK = NVFP4_BLOCK;
/** Largest code and largest scale. */
const [LARGEST_CODE, LARGEST_SCALE] = [6, 448];

/** NaN codes are refused when a file is read; zero keeps the tables finite. */
const SCALES = Array.from(E4M3FN_VALUES, (value) => (Number.isNaN(value) ? 0 : value));
/** Both values of a byte, the even weight's in the high nibble. */
const PAIRS = Array.from({ length: 256 }, (_, byte) => [
  E2M1_VALUES[byte >> 4] as number,
  E2M1_VALUES[byte & 15] as number,
]).flat();

const blocksOf = (n: number, k: number): number => Math.ceil((n * k) / BLOCK);

/** How blocks get their scale, and their codes by it. */
interface Maker {
  /** The whole weight's scale. */
  readonly factor: number;
  /** The byte of a block's scale. */
  readonly byteOf: (largest: number) => number;
  readonly kernel: 'nearest' | 'even';
}

function comfyMaker(absmax: number): Maker {
  const factor = Math.fround(Math.fround(absmax) / (LARGEST_SCALE * LARGEST_CODE));
  const wanted = (largest: number): number =>
    factor === 0 ? 0 : Math.fround(Math.fround(largest / LARGEST_CODE) / factor);
  return { factor, byteOf: (largest) => f32ToE4m3fn(Math.min(wanted(largest), LARGEST_SCALE)), kernel: 'even' };
}

const GGML_MAKER: Maker = {
  factor: 1,
  byteOf: (largest) => unsignedE4m3(Math.fround(largest / LARGEST_CODE)),
  kernel: 'nearest',
};

/** ggml's rounding: half up, at most 448; below 2^-6 in steps of 2^-9 that never reach it. */
function unsignedE4m3(value: number): number {
  if (value < 2 ** -6) return Math.min(Math.floor(Math.fround(Math.fround(value * 512) + 0.5)), 7);
  // What is lost of an f32's mantissa beyond three bits is rounded by the first lost bit.
  const exponent = Math.floor(Math.log2(value));
  const sixteenths = Math.floor((value / 2 ** exponent) * 16);
  const mantissa = ((sixteenths + 1) >> 1) - 8;
  const bits = (exponent + 7) * 8 + mantissa;
  return Math.min(bits, 0x7e);
}

const encodeBy =
  (makerOf: (absmax: number) => Maker): PackedFormat['encode'] =>
  (weights, n, k, memory, _scaleDtype, label, absmax) => {
    const values = weights.subarray(0, n * k);
    const { factor, byteOf, kernel } = makerOf(absmax ?? absmaxOf(values, label));
    const count = blocksOf(n, k);
    const codes = memory.bytes('codes', count * (BLOCK / 2));
    const scales = memory.bytes('scales', count);
    forBatches(values, label, (kernels, first, doubles) => {
      const begin = 2 * first;
      const blocks = Math.min(2 * doubles, count - begin);
      for (let b = 0; b < blocks; b++) {
        const byte = byteOf(kernels.magnitude(b));
        scales[begin + b] = byte;
        // Rounded to f32 as it is stored.
        kernels.factors[b] = factor * (SCALES[byte] as number);
      }
      kernels.run(kernel);
      codes.set(kernels.codes.subarray(0, blocks * (BLOCK / 2)), begin * (BLOCK / 2));
    });
    return new Map([
      ['codes', codes],
      ['scales', scales],
      ['factor', new Uint8Array(Float32Array.of(factor).buffer)],
    ]);
  };

/** Stored: codes [ceil(N·K / 16), 8], even weights in high nibbles; e4m3fn scales [ceil(N·K / 16), 1]; factor f32 [1]. */
export const nvfp4: PackedFormat = {
  layout: (n, k) => [
    part('codes', 'u8', [blocksOf(n, k), BLOCK / 2]),
    part('scales', 'u8', [blocksOf(n, k), 1]),
    part('factor', 'f32', [1]),
  ],
  unit: BLOCK,
  columnBlock: BLOCK,
  sharedParts: ['factor'],
  gpuOverhead: 1.02,
  isScaledAsWhole: true,
  encode: encodeBy(comfyMaker),
  decode: (parts, n, k) => {
    const [codes, scales] = [parts.bytes('codes'), parts.bytes('scales')];
    const factor = parts.floats('factor')[0] as number;
    const values = new Float32Array(n * k);
    for (let i = 0; i < values.length; i++) {
      const scale = Math.fround(factor * (SCALES[scales[i >> 4] as number] as number));
      values[i] = (PAIRS[(codes[i >> 1] as number) * 2 + (i & 1)] as number) * scale;
    }
    return values;
  },
  layer: (ops, weight, bias, after) => {
    const { n, k } = weight;
    const values = lookUp(ops, PAIRS, [256, 2], weight.part('codes'), after);
    const scales = lookUp(ops, SCALES, [256], weight.part('scales'), after);
    const blocks = blocksOf(n, k);
    const scaled = ops.mul(ops.reshape(values, [blocks, BLOCK]), ops.mul(scales, weight.part('factor')));
    return gemmLayer(ops, ops.cast(wholeMatrix(ops, scaled, blocks * BLOCK, n, k), 'f32', ops.dtype), bias);
  },
};

/** As ComfyUI's with a factor of 1. */
export const nvfp4_ggml: PackedFormat = {
  ...nvfp4,
  isScaledAsWhole: false,
  encode: encodeBy(() => GGML_MAKER),
};

function lookUp(
  ops: LayerOperators,
  values: readonly number[],
  dims: readonly number[],
  codes: Value,
  after: Value,
): Value {
  const table = ops.g.constant('f32', dims, new Uint8Array(Float32Array.from(values).buffer));
  return ops.g.node('Gather', [table, indices(ops, codes, after)]);
}
