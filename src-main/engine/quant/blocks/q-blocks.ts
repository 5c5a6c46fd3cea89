/**
 * ggml's blocks of 32 with one scale: Q4_0 and Q5_0 (d·q), Q4_1 and Q5_1 (d·q + m), Q8_0.
 *
 * Every product here and in the files beside it has at most 24 significant bits, so it is exact in f32, and of two exact
 * f32 values JavaScript's sum, rounded when it is stored, is the f32 sum: the values are ggml's own, bit for bit.
 *
 * @source ggml-org/ggml: src/ggml-quants.c, dequantize_row_*; src/ggml-common.h for the order of the fields
 */
import { f16At } from './f16-at.js';

/** f16 d; u8 qs[16]: element j in the low nibble of byte j, j + 16 in the high one. */
export function decodeQ4_0(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 18, o += 32) {
    const d = f16At(bytes, p);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[p + 2 + j] as number;
      out[o + j] = ((pair & 15) - 8) * d;
      out[o + 16 + j] = ((pair >> 4) - 8) * d;
    }
  }
}

/** f16 d, m; u8 qs[16] as in Q4_0. */
export function decodeQ4_1(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 20, o += 32) {
    const d = f16At(bytes, p);
    const m = f16At(bytes, p + 2);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[p + 4 + j] as number;
      out[o + j] = (pair & 15) * d + m;
      out[o + 16 + j] = (pair >> 4) * d + m;
    }
  }
}

/** f16 d; u32 qh: bit j is bit 4 of element j; u8 qs[16] as in Q4_0. */
export function decodeQ5_0(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 22, o += 32) {
    const d = f16At(bytes, p);
    const high = u32At(bytes, p + 2);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[p + 6 + j] as number;
      out[o + j] = ((pair & 15) + ((high >>> j) & 1) * 16 - 16) * d;
      out[o + 16 + j] = ((pair >> 4) + ((high >>> (j + 16)) & 1) * 16 - 16) * d;
    }
  }
}

/** f16 d, m; u32 qh and u8 qs[16] as in Q5_0. */
export function decodeQ5_1(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 24, o += 32) {
    const d = f16At(bytes, p);
    const m = f16At(bytes, p + 2);
    const high = u32At(bytes, p + 4);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[p + 8 + j] as number;
      out[o + j] = ((pair & 15) + ((high >>> j) & 1) * 16) * d + m;
      out[o + 16 + j] = ((pair >> 4) + ((high >>> (j + 16)) & 1) * 16) * d + m;
    }
  }
}

/** f16 d; i8 qs[32]. */
export function decodeQ8_0(bytes: Uint8Array, out: Float32Array): void {
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let p = 0, o = 0; p < bytes.length; p += 34, o += 32) {
    const d = f16At(bytes, p);
    for (let j = 0; j < 32; j++) out[o + j] = (codes[p + 2 + j] as number) * d;
  }
}

function u32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
