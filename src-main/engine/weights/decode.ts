/**
 * Stored elements of any checkpoint dtype -> float32. Pure. Little-endian hosts only, the only ones that the runtime
 * supports.
 */
import { AppError } from '../../base/app-error.js';
import { assertNever, invariant } from '../../base/assert.js';
import { E4M3FN_VALUES, e8m0ToF32, f16ToF32 } from '../../base/float-formats.js';
import { DTYPE_BYTES, type TensorDtype } from './tensor-source.js';

let f16Values: Float32Array | undefined;
const byteValues = new Map<TensorDtype, Float32Array>();

/**
 * @param bytes whole elements, little-endian; not kept
 * @returns a new array of `bytes.byteLength / DTYPE_BYTES[dtype]` values; F64, I64 and large I32 are rounded to nearest
 * @throws AppError weights.unsupported-dtype for F4, whose elements are nothing without scales
 */
export function decodeToF32(dtype: TensorDtype, bytes: Uint8Array): Float32Array {
  const out = new Float32Array(bytes.byteLength / DTYPE_BYTES[dtype]);
  decodeIntoF32(dtype, bytes, out);
  return out;
}

/** The same into a given array. @param out as long as `bytes` has elements; overwritten */
export function decodeIntoF32(dtype: TensorDtype, bytes: Uint8Array, out: Float32Array): void {
  const size = DTYPE_BYTES[dtype];
  invariant(bytes.byteLength === out.length * size, `${bytes.byteLength} bytes are not ${out.length} of ${dtype}`);
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  switch (dtype) {
    case 'F32':
      out.set(new Float32Array(buffer, byteOffset, out.length));
      return;
    case 'F64':
      out.set(new Float64Array(buffer, byteOffset, out.length));
      return;
    case 'BF16':
      widenBf16(new Uint16Array(buffer, byteOffset, out.length), out);
      return;
    case 'F16':
      lookUp(new Uint16Array(buffer, byteOffset, out.length), f16Table(), out);
      return;
    case 'F8_E4M3':
    case 'F8_E5M2':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ':
    case 'F8_E8M0':
      lookUp(aligned, byteFloatValues(dtype), out);
      return;
    case 'F4':
      throw new AppError('weights.unsupported-dtype', 'Values of the type F4 cannot be read without their scales.', {
        remedy: 'Use a checkpoint in bf16 or fp8.',
      });
    case 'I64':
      widenBigInts(new BigInt64Array(buffer, byteOffset, out.length), out);
      return;
    case 'U64':
      widenBigInts(new BigUint64Array(buffer, byteOffset, out.length), out);
      return;
    case 'U32':
      out.set(new Uint32Array(buffer, byteOffset, out.length));
      return;
    case 'U16':
      out.set(new Uint16Array(buffer, byteOffset, out.length));
      return;
    case 'I32':
      out.set(new Int32Array(buffer, byteOffset, out.length));
      return;
    case 'I16':
      out.set(new Int16Array(buffer, byteOffset, out.length));
      return;
    case 'I8':
      out.set(new Int8Array(buffer, byteOffset, out.length));
      return;
    case 'U8':
    case 'BOOL':
      out.set(aligned);
      return;
    default:
      assertNever(dtype);
  }
}

function widenBf16(halves: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < words.length; i++) words[i] = (halves[i] as number) << 16;
}

function lookUp(codes: Uint8Array | Uint16Array, table: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = table[codes[i] as number] as number;
}

function f16Table(): Float32Array {
  return (f16Values ??= Float32Array.from({ length: 65536 }, (_, bits) => f16ToF32(bits)));
}

function widenBigInts(values: BigInt64Array | BigUint64Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = Number(values[i] as bigint);
}

/** One-byte float types. */
export type ByteFloat = 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ' | 'F8_E8M0';

/** The values of all 256 codes of a one-byte float type. The array is shared. */
export function byteFloatValues(dtype: ByteFloat): Float32Array {
  const known = byteValues.get(dtype);
  if (known !== undefined) return known;
  const values = Float32Array.from({ length: 256 }, (_, bits) => byteFloat(dtype, bits));
  byteValues.set(dtype, values);
  return values;
}

/**
 * e5m2 is the upper byte of binary16. The FNUZ types have one NaN, in place of −0, no infinity, and one more in the bias.
 * @source Micikevicius et al. 2022, "FP8 Formats for Deep Learning"; Noune et al. 2022, "8-bit Numerical Formats for
 * Deep Neural Networks"
 */
function byteFloat(dtype: ByteFloat, bits: number): number {
  switch (dtype) {
    case 'F8_E4M3':
      return E4M3FN_VALUES[bits] as number;
    case 'F8_E5M2':
      return f16ToF32(bits << 8);
    case 'F8_E4M3FNUZ':
      return fnuz(bits, 3, 8);
    case 'F8_E5M2FNUZ':
      return fnuz(bits, 2, 16);
    case 'F8_E8M0':
      return e8m0ToF32(bits);
    default:
      return assertNever(dtype);
  }
}

function fnuz(bits: number, mantissaBits: number, bias: number): number {
  if (bits === 0x80) return NaN;
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits & 0x7f) >> mantissaBits;
  const fraction = (bits & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}
