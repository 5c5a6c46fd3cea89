/** 16-bit: bf16 as in checkpoints, or f16 for devices that compute in it. Rounds to nearest, ties to even. */
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../../base/float-formats.js';
import {
  BF16_INFINITY,
  bf16Absmax,
  bitsOf,
  f32Absmax,
  notFiniteError,
  tooLargeError,
  type Weights,
} from './weights.js';
import { part, type PartPlan, type StorageFormat, type StoredValues } from './storage-format.js';

/** Values from here on round beyond f16's largest, 65504. */
const F16_OVERFLOW = 65520;
/** bf16 bits of 65536, the first bf16 value outside f16. */
const BF16_F16_OVERFLOW = 0x4780;

let bf16ToF16Table: Uint16Array | undefined;

/**
 * f16 bits of all weights.
 * @param out at least as long as `weights`
 * @throws AppError quant.invalid-input for NaN, infinity and values beyond f16
 */
export function encodeF16Into(weights: Weights, out: Uint16Array, label: string): void {
  if (weights instanceof Float32Array) {
    const absmax = finiteAbsmax(weights, label);
    if (absmax >= F16_OVERFLOW) throw tooLargeError(label, absmax, 'weight');
    for (let i = 0; i < weights.length; i++) out[i] = f32ToF16(weights[i] as number);
    return;
  }
  const absmaxBits = finiteAbsmaxBits(weights, label);
  if (absmaxBits >= BF16_F16_OVERFLOW) throw tooLargeError(label, bf16ToF32(absmaxBits), 'weight');
  bf16ToF16Table ??= Uint16Array.from({ length: 65536 }, (_, bits) => f32ToF16(bf16ToF32(bits)));
  for (let i = 0; i < weights.length; i++) out[i] = bf16ToF16Table[weights[i] as number] as number;
}

/**
 * bf16 bits of all weights.
 * @param out at least as long as `weights`
 * @throws AppError quant.invalid-input for NaN and infinity
 */
function encodeBf16Into(weights: Weights, out: Uint16Array, label: string): void {
  if (weights instanceof Float32Array) {
    // The largest f32 values round to bf16's infinity.
    if (f32ToBf16(finiteAbsmax(weights, label)) >= BF16_INFINITY) throw notFiniteError(label);
    const bits = bitsOf(weights);
    for (let i = 0; i < weights.length; i++) {
      const word = bits[i] as number;
      out[i] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    }
    return;
  }
  finiteAbsmaxBits(weights, label);
  out.set(weights);
}

/**
 * f32 values of all weights.
 * @param out at least as long as `weights`
 * @throws AppError quant.invalid-input for NaN and infinity
 */
function encodeF32Into(weights: Weights, out: Float32Array, label: string): void {
  if (weights instanceof Float32Array) {
    finiteAbsmax(weights, label);
    out.set(weights);
    return;
  }
  finiteAbsmaxBits(weights, label);
  const bits = bitsOf(out);
  for (let i = 0; i < weights.length; i++) bits[i] = (weights[i] as number) << 16;
}

function finiteAbsmax(weights: Float32Array, label: string): number {
  const absmax = f32Absmax(bitsOf(weights), 0, weights.length);
  if (Number.isNaN(absmax)) throw notFiniteError(label);
  return absmax;
}

function finiteAbsmaxBits(weights: Uint16Array, label: string): number {
  const absmaxBits = bf16Absmax(weights, 0, weights.length);
  if (absmaxBits >= BF16_INFINITY) throw notFiniteError(label);
  return absmaxBits;
}

/** bf16 bits of a matrix [N, K]. @throws AppError quant.invalid-input for NaN and infinity */
export function encodeBf16(weights: Weights, n: number, k: number, label = 'weight'): Uint16Array {
  const out = new Uint16Array(n * k);
  encodeBf16Into(weights, out, label);
  return out;
}

/** f32 of bf16 bits. */
export function decodeBf16(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, bf16ToF32);
}

/** f32 of f16 bits. */
export function decodeF16(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, f16ToF32);
}

/** Stored: value [N, K]. @param write writes the weights into the part's bytes */
function plain(
  onnxType: PartPlan['onnxType'],
  write: (weights: Weights, bytes: Uint8Array, label: string) => void,
  read: (parts: StoredValues) => Float32Array,
): StorageFormat {
  return {
    layout: (n, k) => [part('value', onnxType, [n, k])],
    // Any number works; this one keeps a chunk's bytes aligned.
    unit: 64,
    columnBlock: 1,
    sharedParts: [],
    gpuOverhead: 1.004,
    encode: (weights, n, k, memory, _scaleDtype, label) => {
      const bytes = memory.bytes('value', part('value', onnxType, [n, k]).byteLength);
      write(weights, bytes, label);
      return new Map([['value', bytes]]);
    },
    decode: read,
  };
}

const wordsOf = (bytes: Uint8Array): Uint16Array => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);

export const bf16 = plain(
  'bf16',
  (weights, bytes, label) => encodeBf16Into(weights, wordsOf(bytes), label),
  (parts) => decodeBf16(parts.words('value')),
);
export const f16 = plain(
  'f16',
  (weights, bytes, label) => encodeF16Into(weights, wordsOf(bytes), label),
  (parts) => decodeF16(parts.words('value')),
);
export const f32 = plain(
  'f32',
  (weights, bytes, label) =>
    encodeF32Into(weights, new Float32Array(bytes.buffer, bytes.byteOffset, weights.length), label),
  (parts) => parts.floats('value'),
);
