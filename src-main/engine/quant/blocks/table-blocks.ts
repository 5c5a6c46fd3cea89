/**
 * ggml's types whose four-bit codes are places in a table of 16: IQ4_NL and IQ4_XS, and the FP4 types MXFP4 and NVFP4.
 * For the exactness of the arithmetic see `q-blocks.ts`.
 *
 * @source ggml-org/ggml: src/ggml-quants.c, dequantize_row_*; src/ggml-common.h, kvalues_iq4nl and kvalues_mxfp4;
 * src/ggml-impl.h, ggml_e8m0_to_fp32_half and ggml_ue4m3_to_fp32
 */
import { f16At } from './f16-at.js';

export const IQ4_VALUES = Float32Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
/** Twice the values of E2M1; ggml has no −0. */
export const FP4_VALUES = Float32Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** f16 d; u8 qs[16]: element j in the low nibble of byte j, j + 16 in the high one. */
export function decodeIQ4_NL(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 18, o += 32) {
    expand(bytes, p + 2, 16, f16At(bytes, p), IQ4_VALUES, out, o);
  }
}

/** f16 d; u16 scales_h; u8 scales_l[4]; u8 qs[128]. Stretches of 32, each as in IQ4_NL, with six-bit scales. */
export function decodeIQ4_XS(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 136, o += 256) {
    const d = f16At(bytes, p);
    const high = (bytes[p + 2] as number) | ((bytes[p + 3] as number) << 8);
    for (let s = 0; s < 8; s++) {
      const low = ((bytes[p + 4 + (s >> 1)] as number) >> (4 * (s & 1))) & 15;
      const scale = (low | (((high >> (2 * s)) & 3) << 4)) - 32;
      expand(bytes, p + 8 + s * 16, 16, d * scale, IQ4_VALUES, out, o + s * 32);
    }
  }
}

/** u8 e; u8 qs[16] as in IQ4_NL. */
export function decodeMXFP4(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 17, o += 32) {
    expand(bytes, p + 1, 16, mxScale(bytes, p), FP4_VALUES, out, o);
  }
}

/** The standard's NaN. */
const E8M0_NAN = 255;

/**
 * 2^(e − 128): half the standard's scale, since the table holds twice its values. e = 255 is NaN by the standard, but
 * ggml and gguf-py write it with codes of 0 for blocks below 2^-125: those are zeros, all others NaN.
 */
function mxScale(bytes: Uint8Array, at: number): number {
  const exponent = bytes[at] as number;
  if (exponent !== E8M0_NAN) return 2 ** (exponent - 128);
  for (let j = 1; j <= 16; j++) if (bytes[at + j] !== 0) return NaN;
  return 0;
}

/** u8 d[4], one UE4M3 scale for each 16 weights; u8 qs[32]: of each 16, eight bytes with the first half in low nibbles. */
export function decodeNVFP4(bytes: Uint8Array, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 36, o += 64) {
    for (let s = 0; s < 4; s++) {
      const scale = HALF_UE4M3[bytes[p + s] as number] as number;
      expand(bytes, p + 4 + s * 8, 8, scale, FP4_VALUES, out, o + s * 16);
    }
  }
}

/** Half the values of E4M3 without its sign: bit 7 is ignored, 0x7f (but not 0xff) is 0. */
export const HALF_UE4M3 = Float32Array.from({ length: 256 }, (_, bits) => {
  if (bits === 0x7f) return 0;
  const exponent = (bits >> 3) & 15;
  const mantissa = bits & 7;
  return exponent === 0 ? mantissa * 2 ** -10 : (1 + mantissa / 8) * 2 ** (exponent - 8);
});

/** Codes in `count` bytes: the low nibbles are the first elements, the high ones those behind them. */
function expand(
  bytes: Uint8Array,
  from: number,
  count: number,
  scale: number,
  values: Float32Array,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < count; j++) {
    const pair = bytes[from + j] as number;
    out[to + j] = scale * (values[pair & 15] as number);
    out[to + count + j] = scale * (values[pair >> 4] as number);
  }
}
