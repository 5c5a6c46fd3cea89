/** The scale of a block: a little-endian f16 at any position. */
import { f16ToF32 } from '../../../base/float-formats.js';

export function f16At(bytes: Uint8Array, at: number): number {
  return f16ToF32((bytes[at] as number) | ((bytes[at + 1] as number) << 8));
}
