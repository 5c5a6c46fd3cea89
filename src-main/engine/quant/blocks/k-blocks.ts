/**
 * ggml's K types: blocks of 256 with an f16 scale for the block and small integer scales for stretches of 16 or 32.
 * For the exactness of the arithmetic see `q-blocks.ts`.
 *
 * @source ggml-org/ggml: src/ggml-quants.c, dequantize_row_*_K and get_scale_min_k4; src/ggml-common.h for the fields
 */
import { f16At } from './f16-at.js';

/**
 * u8 scales[16]: scale in the low nibble, minimum in the high one; u8 qs[64]; f16 d, dmin. Stretches of 16. Two bits a
 * weight: of each half, 32 bytes with elements l, l + 32, l + 64 and l + 96 from the lowest bits up.
 */
export function decodeQ2_K(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 84, o += 256) {
    const d = f16At(bytes, p + 80);
    const dmin = f16At(bytes, p + 82);
    for (let s = 0; s < 16; s++) {
      const scales = bytes[p + s] as number;
      const scale = d * (scales & 15);
      const minimum = dmin * (scales >> 4);
      const from = twoBitsAt(p + 16, s);
      const shift = twoBitsShift(s);
      for (let l = 0; l < 16; l++) {
        out[o + s * 16 + l] = scale * (((bytes[from + l] as number) >> shift) & 3) - minimum;
      }
    }
  }
}

/** u8 hmask[32]: bit (j div 32) of byte j mod 32; u8 qs[64] as in Q2_K; u8 scales[12]; f16 d. Stretches of 16. */
export function decodeQ3_K(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 110, o += 256) {
    const d = f16At(bytes, p + 108);
    for (let s = 0; s < 16; s++) {
      const scale = d * q3Scale(bytes, p + 96, s);
      const from = twoBitsAt(p + 32, s);
      const shift = twoBitsShift(s);
      const mask = p + (s & 1) * 16;
      for (let l = 0; l < 16; l++) {
        const low = ((bytes[from + l] as number) >> shift) & 3;
        const high = ((bytes[mask + l] as number) >> (s >> 1)) & 1;
        out[o + s * 16 + l] = scale * (low + high * 4 - 4);
      }
    }
  }
}

/** The six-bit scale of a stretch, −32 to 31: four bits in the first eight bytes, two in the last four. */
function q3Scale(bytes: Uint8Array, at: number, s: number): number {
  const pair = bytes[at + (s & 7)] as number;
  const low = s < 8 ? pair & 15 : pair >> 4;
  const high = ((bytes[at + 8 + (s & 3)] as number) >> (2 * (s >> 2))) & 3;
  return (low | (high << 4)) - 32;
}

/** First byte of a stretch of 16 in Q2_K's and Q3_K's two-bit codes. */
function twoBitsAt(codes: number, s: number): number {
  return codes + (s >> 3) * 32 + (s & 1) * 16;
}

function twoBitsShift(s: number): number {
  return ((s >> 1) & 3) * 2;
}

/** f16 d, dmin; u8 scales[12]; u8 qs[128]: of each 64 weights, 32 bytes with the first half in the low nibbles. */
export function decodeQ4_K(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 144, o += 256) {
    const d = f16At(bytes, p);
    const dmin = f16At(bytes, p + 2);
    for (let s = 0; s < 8; s += 2) {
      const scale0 = d * scaleOf(bytes, p + 4, s);
      const minimum0 = dmin * minimumOf(bytes, p + 4, s);
      const scale1 = d * scaleOf(bytes, p + 4, s + 1);
      const minimum1 = dmin * minimumOf(bytes, p + 4, s + 1);
      const from = p + 16 + s * 16;
      const to = o + s * 32;
      for (let l = 0; l < 32; l++) {
        const pair = bytes[from + l] as number;
        out[to + l] = scale0 * (pair & 15) - minimum0;
        out[to + 32 + l] = scale1 * (pair >> 4) - minimum1;
      }
    }
  }
}

/** f16 d, dmin; u8 scales[12]; u8 qh[32]: bit (j div 32) of byte j mod 32 is bit 4; u8 qs[128] as in Q4_K. */
export function decodeQ5_K(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 176, o += 256) {
    const d = f16At(bytes, p);
    const dmin = f16At(bytes, p + 2);
    for (let s = 0; s < 8; s += 2) {
      const scale0 = d * scaleOf(bytes, p + 4, s);
      const minimum0 = dmin * minimumOf(bytes, p + 4, s);
      const scale1 = d * scaleOf(bytes, p + 4, s + 1);
      const minimum1 = dmin * minimumOf(bytes, p + 4, s + 1);
      const from = p + 48 + s * 16;
      const to = o + s * 32;
      for (let l = 0; l < 32; l++) {
        const pair = bytes[from + l] as number;
        const high = (bytes[p + 16 + l] as number) >> s;
        out[to + l] = scale0 * ((pair & 15) + (high & 1) * 16) - minimum0;
        out[to + 32 + l] = scale1 * ((pair >> 4) + (high & 2) * 8) - minimum1;
      }
    }
  }
}

/** Six-bit scale of stretch s, of Q4_K's and Q5_K's twelve bytes. */
function scaleOf(bytes: Uint8Array, at: number, s: number): number {
  if (s < 4) return (bytes[at + s] as number) & 63;
  return ((bytes[at + s + 4] as number) & 15) | (((bytes[at + s - 4] as number) >> 6) << 4);
}

/** Six-bit minimum of stretch s. */
function minimumOf(bytes: Uint8Array, at: number, s: number): number {
  if (s < 4) return (bytes[at + s + 4] as number) & 63;
  return ((bytes[at + s + 4] as number) >> 4) | (((bytes[at + s] as number) >> 6) << 4);
}

/**
 * u8 ql[128], qh[64]; i8 scales[16]; f16 d. Stretches of 16. Of each half: 64 bytes of ql hold elements l and l + 64 in
 * their nibbles, 32 bytes of qh two bits of each of l, l + 32, l + 64 and l + 96.
 */
export function decodeQ6_K(bytes: Uint8Array, out: Float32Array): void {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let p = 0, o = 0; p < bytes.length; p += 210, o += 256) {
    const d = f16At(bytes, p + 208);
    for (let s = 0; s < 8; s++) {
      // Stretches s' and s' + 4 of a half share the bytes of ql.
      const half = s >> 2;
      const first = half * 8 + (s & 3);
      const scale0 = d * (signed[p + 192 + first] as number);
      const scale1 = d * (signed[p + 196 + first] as number);
      const low = p + half * 64 + (s & 3) * 16;
      const high = p + 128 + half * 32 + (s & 1) * 16;
      const shift = s & 2;
      const to = o + first * 16;
      for (let l = 0; l < 16; l++) {
        const pair = bytes[low + l] as number;
        const top = (bytes[high + l] as number) >> shift;
        out[to + l] = scale0 * (((pair & 15) | ((top & 3) << 4)) - 32);
        out[to + 64 + l] = scale1 * (((pair >> 4) | (top & 48)) - 32);
      }
    }
  }
}
