/**
 * ggml's types of one sign or one ternary digit a weight: Q1_0, TQ1_0 and TQ2_0. For the exactness of the arithmetic see
 * `q-blocks.ts`.
 *
 * @source ggml-org/ggml: src/ggml-quants.c, dequantize_row_*; src/ggml-common.h for the order of the fields
 */
import { f16At } from './f16-at.js';

/** f16 d; u8 qs[16]: from the lowest bit up, 1 for d and 0 for −d. Blocks of 128. */
export function decodeQ1_0(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 18, o += 128) {
    const d = f16At(bytes, p);
    for (let j = 0; j < 16; j++) {
      const signs = bytes[p + 2 + j] as number;
      for (let bit = 0; bit < 8; bit++) out[o + j * 8 + bit] = ((signs >> bit) & 1) === 1 ? d : -d;
    }
  }
}

/** u8 qs[64]; f16 d. Blocks of 256: of each half, 32 bytes with elements l, l + 32, l + 64 and l + 96 from the lowest bits up. */
export function decodeTQ2_0(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 66, o += 256) {
    const d = f16At(bytes, p + 64);
    for (let s = 0; s < 8; s++) {
      const from = p + (s >> 2) * 32;
      const shift = (s & 3) * 2;
      const to = o + s * 32;
      for (let l = 0; l < 32; l++) out[to + l] = ((((bytes[from + l] as number) >> shift) & 3) - 1) * d;
    }
  }
}

/** Most ternary digits in a byte. */
const DIGITS = 5;
/** Digit n of a byte, minus 1, at n · 256 + byte: the top digit of byte · 3^n in eight bits. */
const TERNARY = Float32Array.from({ length: DIGITS * 256 }, (_, i) => {
  const shifted = ((i & 255) * 3 ** (i >> 8)) & 255;
  return ((shifted * 3) >> 8) - 1;
});

/**
 * u8 qs[48], qh[4]; f16 d. Blocks of 256: the first 32 bytes hold 5 digits each, the next 16 as well, the last 4 hold 4.
 * Of each of the three, the first digits of all bytes come first.
 */
export function decodeTQ1_0(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 54, o += 256) {
    const d = f16At(bytes, p + 52);
    ternary(bytes, p, 32, 5, d, out, o);
    ternary(bytes, p + 32, 16, 5, d, out, o + 160);
    ternary(bytes, p + 48, 4, 4, d, out, o + 240);
  }
}

function ternary(
  bytes: Uint8Array,
  from: number,
  count: number,
  digits: number,
  d: number,
  out: Float32Array,
  to: number,
): void {
  for (let n = 0; n < digits; n++) {
    for (let j = 0; j < count; j++) {
      out[to + n * count + j] = (TERNARY[n * 256 + (bytes[from + j] as number)] as number) * d;
    }
  }
}
