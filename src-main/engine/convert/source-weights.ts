/** Converts bytes of a checkpoint to weights for the encoder. */
import { assertNever } from '../../base/assert.js';
import { E4M3FN_VALUES, f16ToF32, f32ToBf16 } from '../../base/float-formats.js';
import type { SourceDtype } from './encode-task.js';
import type { Weights } from '../quant/formats/weights.js';

/** Every e4m3fn value is a bf16. */
const E4M3FN_AS_BF16 = Uint16Array.from(E4M3FN_VALUES, f32ToBf16);
/** Every e5m2 value is a bf16; it is the upper byte of an f16. */
const E5M2_AS_BF16 = Uint16Array.from({ length: 256 }, (_, bits) => f32ToBf16(f16ToF32(bits << 8)));
let f16Values: Float32Array | undefined;

/**
 * Little-endian bytes of one of SOURCE_DTYPES as weights, without loss. BF16 and F32 are views of the same memory.
 * @param bytes aligned to 4 bytes in their buffer
 */
export function weightsFromBytes(dtype: SourceDtype, bytes: Uint8Array): Weights {
  switch (dtype) {
    case 'BF16':
      return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    case 'F32':
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    case 'F16': {
      f16Values ??= Float32Array.from({ length: 65536 }, (_, bits) => f16ToF32(bits));
      const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
      const values = new Float32Array(bits.length);
      for (let i = 0; i < bits.length; i++) values[i] = f16Values[bits[i] as number] as number;
      return values;
    }
    case 'F8_E4M3': {
      const bits = new Uint16Array(bytes.length);
      for (let i = 0; i < bytes.length; i++) bits[i] = E4M3FN_AS_BF16[bytes[i] as number] as number;
      return bits;
    }
    case 'F8_E5M2': {
      const bits = new Uint16Array(bytes.length);
      for (let i = 0; i < bytes.length; i++) bits[i] = E5M2_AS_BF16[bytes[i] as number] as number;
      return bits;
    }
    default:
      return assertNever(dtype);
  }
}
