/**
 * ggml's MXFP4: blocks of 32 with a power of two, codes of fp4 (e2m1). The codes and scales are llama.cpp's, bit for bit:
 * OCP's own rule differs where a block's largest weight lies just under a power of two, in ties, and in −0. Blocks follow
 * the flattened matrix [N, K].
 *
 * @source ggml-org/ggml 0.25.3 src/ggml-quants.c: quantize_row_mxfp4_ref; src/ggml-impl.h: ggml_e8m0_to_fp32_half
 */
import { E2M1_VALUES } from '../packings/block-scales.js';
import { forBatches } from './batches.js';
import { gemmLayer, indices, NBITS_BLOCK, nBitsLayer, wholeMatrix } from './products.js';
import {
  part,
  type Layer,
  type LayerOperators,
  type PackedFormat,
  type PackedWeight,
  type Value,
} from './storage-format.js';
import { tooLargeError, type ScaleDtype, type Weights } from './weights.js';

const BLOCK = 32;
/** Largest exponent byte whose block's largest value, 6 · 2^(e − 127), is within f16. */
const F16_LARGEST = 140;

const blocksOf = (n: number, k: number): number => Math.ceil((n * k) / BLOCK);

/** 2^(e − 127), also for e = 255. */
const BYTE_POWERS = Array.from({ length: 256 }, (_, e) => 2 ** (e - 127));
/** The byte of a block's power of two; it wraps below 2^-125, where all codes are 0. */
function exponentByte(largest: number): number {
  // C's log2f rounds to f32 before the floor: just under a power of two it gives the power.
  return largest > 0 ? (Math.floor(Math.fround(Math.log2(largest))) + 125) & 255 : 0;
}

function encode(weights: Weights, codes: Uint8Array, scales: Uint8Array, dtype: ScaleDtype, label: string): void {
  forBatches(weights, label, (kernels, block, blocks) => {
    for (let b = 0; b < blocks; b++) {
      const largest = Math.max(kernels.magnitude(2 * b), kernels.magnitude(2 * b + 1));
      const exponent = exponentByte(largest);
      if (dtype === 'f16' && exponent > F16_LARGEST && largest > 1) throw tooLargeError(label, largest, 'weight');
      scales[block + b] = exponent;
      kernels.setFactor(b, BYTE_POWERS[exponent] as number);
    }
    kernels.run('nearest');
    codes.set(kernels.codes.subarray(0, blocks * (BLOCK / 2)), block * (BLOCK / 2));
  });
}

/** The value of a code of magnitude 1 by its block's byte; 255 stands before codes of 0. */
const POWERS = Array.from({ length: 256 }, (_, e) => (e === 255 ? 0 : 2 ** (e - 127)));
/** Values of both codes of a byte, the even weight's in the high nibble. */
const PAIRS = Array.from({ length: 256 }, (_, byte) => [
  // ggml has no −0.
  (E2M1_VALUES[byte >> 4] as number) + 0,
  (E2M1_VALUES[byte & 15] as number) + 0,
]).flat();

/** Stored: codes [R, 16], even weights in high nibbles; exponents [R]. */
export const mxfp4: PackedFormat = {
  layout: (n, k) => [part('codes', 'u8', [blocksOf(n, k), BLOCK / 2]), part('scales', 'u8', [blocksOf(n, k)])],
  unit: BLOCK,
  columnBlock: BLOCK,
  sharedParts: [],
  gpuOverhead: 1.02,
  encode: (weights, n, k, memory, scaleDtype, label) => {
    const codes = memory.bytes('codes', blocksOf(n, k) * (BLOCK / 2));
    const scales = memory.bytes('scales', blocksOf(n, k));
    encode(weights.subarray(0, n * k), codes, scales, scaleDtype, label);
    return new Map([
      ['codes', codes],
      ['scales', scales],
    ]);
  },
  decode: (parts, n, k) => {
    const [codes, scales] = [parts.bytes('codes'), parts.bytes('scales')];
    const values = new Float32Array(n * k);
    for (let i = 0; i < values.length; i++) {
      const power = POWERS[scales[i >> 5] as number] as number;
      values[i] = (PAIRS[(codes[i >> 1] as number) * 2 + (i & 1)] as number) * power;
    }
    return values;
  },
  layer: (ops, weight, bias, after) =>
    ops.profile.operators.mxfp4 === 'byte-codes' && weight.k % NBITS_BLOCK === 0
      ? byteCodesLayer(ops, weight, bias, after)
      : tableLayer(ops, weight, bias, after),
};

/** Twice the values are whole numbers, so as 8-bit codes of MatMulNBits they are exact. Rows must be whole blocks. */
function byteCodesLayer(ops: LayerOperators, weight: PackedWeight, bias: Value | null, after: Value): Layer {
  const { n, k } = weight;
  const pairs = Uint8Array.from(PAIRS, (value) => 128 + 2 * value);
  const found = ops.g.node('Gather', [
    ops.g.constant('u8', [256, 2], pairs),
    indices(ops, weight.part('codes'), after),
  ]);
  const powers = ops.numbers(POWERS.map((power) => Math.min(power / 2, 65504)));
  const scales = ops.g.node('Gather', [powers, indices(ops, weight.part('scales'), after)]);
  const blocks = k / NBITS_BLOCK;
  return nBitsLayer(
    ops,
    {
      codes: ops.reshape(found, [n, blocks, NBITS_BLOCK]),
      scales: ops.reshape(scales, [n, blocks]),
      bits: 8,
      n,
      k,
    },
    bias,
  );
}

/** Values by byte times their power, in f32, then Gemm. */
function tableLayer(ops: LayerOperators, weight: PackedWeight, bias: Value | null, after: Value): Layer {
  const { n, k } = weight;
  const blocks = blocksOf(n, k);
  const table = (values: readonly number[], dims: readonly number[]): Value =>
    ops.g.constant('f32', dims, new Uint8Array(Float32Array.from(values).buffer));
  const values = ops.g.node('Gather', [table(PAIRS, [256, 2]), indices(ops, weight.part('codes'), after)]);
  const powers = ops.g.node('Gather', [table(POWERS, [256]), indices(ops, weight.part('scales'), after)]);
  const scaled = ops.mul(ops.reshape(values, [blocks, BLOCK]), ops.reshape(powers, [blocks, 1]));
  return gemmLayer(ops, ops.cast(wholeMatrix(ops, scaled, blocks * BLOCK, n, k), 'f32', ops.dtype), bias);
}
