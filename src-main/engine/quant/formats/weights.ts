/**
 * Input of the encoders: row-major weights in f32 or as raw bf16 bits, and the largest magnitude of a range of them.
 *
 * Magnitudes are compared as integers: without the sign bit, IEEE floats sort like their bits, with NaN and infinity
 * on top, so one pass finds the absmax and whether all are finite.
 */
import { AppError } from '../../../base/app-error.js';
import { bf16ToF32 } from '../../../base/float-formats.js';

/** Row-major weights: f32 values, or the bits of bf16 values. */
export type Weights = Float32Array | Uint16Array;

/** Type of the scales; the same as of the session's activations. */
export type ScaleDtype = 'f32' | 'f16';

/** Bits of bf16 infinity; larger ones are not finite either. */
export const BF16_INFINITY = 0x7f80;
const F32_INFINITY = 0x7f800000;
/** Largest finite f16. */
export const F16_MAX = 65504;

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

/** The same memory as integers. */
export function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

/** Largest magnitude in [begin, end) as bf16 bits without sign; at least BF16_INFINITY if one is not finite. */
export function bf16Absmax(bits: Uint16Array, begin: number, end: number): number {
  let a = 0;
  let b = 0;
  let i = begin;
  for (; i + 1 < end; i += 2) {
    a = Math.max(a, (bits[i] as number) & 0x7fff);
    b = Math.max(b, (bits[i + 1] as number) & 0x7fff);
  }
  if (i < end) a = Math.max(a, (bits[i] as number) & 0x7fff);
  return Math.max(a, b);
}

/** Largest magnitude in [begin, end) of `bitsOf(values)`, as a number; NaN if one is not finite. */
export function f32Absmax(bits: Int32Array, begin: number, end: number): number {
  let a = 0;
  let b = 0;
  let i = begin;
  for (; i + 1 < end; i += 2) {
    a = Math.max(a, (bits[i] as number) & 0x7fffffff);
    b = Math.max(b, (bits[i + 1] as number) & 0x7fffffff);
  }
  if (i < end) a = Math.max(a, (bits[i] as number) & 0x7fffffff);
  const max = Math.max(a, b);
  if (max >= F32_INFINITY) return NaN;
  scratchBits[0] = max;
  return scratch[0] as number;
}

/** Largest magnitude of all weights. @throws AppError quant.invalid-input for NaN and infinity; `label` names the tensor */
export function absmaxOf(weights: Weights, label: string): number {
  if (weights instanceof Uint16Array) {
    const bits = bf16Absmax(weights, 0, weights.length);
    if (bits >= BF16_INFINITY) throw notFiniteError(label);
    return bf16ToF32(bits);
  }
  const absmax = f32Absmax(bitsOf(weights), 0, weights.length);
  if (Number.isNaN(absmax)) throw notFiniteError(label);
  return absmax;
}

/** Expands bf16 bits [begin, end) into `out` from its start. @returns `out`, cut to the number of weights */
export function widenBf16(bits: Uint16Array, begin: number, end: number, out: Float32Array): Float32Array {
  const target = bitsOf(out);
  for (let i = begin; i < end; i++) target[i - begin] = (bits[i] as number) << 16;
  return out.subarray(0, end - begin);
}

/** Error for a weight that no format can hold. `label` names the tensor. */
export function notFiniteError(label: string): AppError {
  return new AppError(
    'quant.invalid-input',
    `The tensor "${label}" contains NaN or infinite weights, expected finite ones.`,
    {
      remedy: 'The checkpoint is damaged or was saved by a failed training run. Download it again or use another one.',
      details: { tensor: label },
    },
  );
}

/** Error for a finite weight or scale beyond f16. `label` names the tensor. */
export function tooLargeError(label: string, value: number, what: 'weight' | 'scale'): AppError {
  return new AppError(
    'quant.invalid-input',
    `The tensor "${label}" has a ${what} of ${value.toPrecision(4)}, but f16 ends at ${F16_MAX}.`,
    { remedy: 'Use a provider that computes in f32 (cpu) for this checkpoint.', details: { tensor: label } },
  );
}
