/**
 * Stored elements of any checkpoint dtype -> float32. Pure. Little-endian hosts only, the only ones that the runtime
 * supports.
 */
import { assertNever, invariant } from '../../base/assert.js';
import { E4M3FN_VALUES, f16ToF32 } from '../../base/float-formats.js';
import { DTYPE_BYTES, type TensorDtype } from './tensor-source.js';

let f16Values: Float32Array | undefined;
let e5m2Values: Float32Array | undefined;

/**
 * @param bytes whole elements, little-endian; not kept
 * @returns a new array of `bytes.byteLength / DTYPE_BYTES[dtype]` values; F64, I64 and large I32 are rounded to nearest
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
      lookUp(aligned, E4M3FN_VALUES, out);
      return;
    case 'F8_E5M2':
      lookUp(aligned, e5m2Table(), out);
      return;
    case 'I64': {
      const values = new BigInt64Array(buffer, byteOffset, out.length);
      for (let i = 0; i < out.length; i++) out[i] = Number(values[i] as bigint);
      return;
    }
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

/** e5m2 is the upper byte of binary16. @source Micikevicius et al. 2022, "FP8 Formats for Deep Learning" */
function e5m2Table(): Float32Array {
  return (e5m2Values ??= Float32Array.from({ length: 256 }, (_, bits) => f16ToF32(bits << 8)));
}
