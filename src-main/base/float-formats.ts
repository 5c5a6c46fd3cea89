/**
 * Bit-level conversions between float32 and the narrow float formats of checkpoints. All encoders round to
 * nearest, ties to even, and keep NaN a NaN.
 *
 * @source IEEE 754-2019 (binary16, binary32); bfloat16 is the upper half of binary32; e4m3fn after
 * "FP8 Formats for Deep Learning" (Micikevicius et al. 2022), the variant without infinities.
 */

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** bfloat16 bits -> float32. */
export function bf16ToF32(bits: number): number {
  u32[0] = bits << 16;
  return f32[0] as number;
}

/** float32 -> bfloat16 bits. */
export function f32ToBf16(value: number): number {
  f32[0] = value;
  const u = u32[0] as number;
  if ((u & 0x7fffffff) > 0x7f800000) return ((u >>> 16) | 0x40) & 0xffff; // quiet NaN
  return ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff;
}

/** float16 bits -> float32. */
export function f16ToF32(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) {
    const value = mantissa * 2 ** -24;
    return sign === 0 ? value : -value;
  }
  u32[0] =
    exponent === 0x1f ? sign | 0x7f800000 | (mantissa << 13) : sign | ((exponent + 112) << 23) | (mantissa << 13);
  return f32[0] as number;
}

/** float32 -> float16 bits; values beyond 65504 (after rounding) become infinity. */
export function f32ToF16(value: number): number {
  f32[0] = value;
  const u = u32[0] as number;
  const sign = (u >>> 16) & 0x8000;
  const abs = u & 0x7fffffff;
  if (abs > 0x7f800000) return sign | 0x7e00;
  if (abs >= 0x477ff000) return sign | 0x7c00; // rounds to at least 65520
  if (abs < 0x38800000) {
    // Subnormal or zero: scaling by 2^24 is exact, so one rounding remains.
    const scaled = Math.abs(f32[0] as number) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    const up = rest > 0.5 || (rest === 0.5 && (floor & 1) === 1) ? 1 : 0;
    return sign | (floor + up);
  }
  const rounded = abs + 0xfff + ((abs >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The 256 values of float8 e4m3fn (bias 7, no infinities, NaN at 0x7f and 0xff). */
export const E4M3FN_VALUES: Float32Array = Float32Array.from({ length: 256 }, (_, bits) => {
  if ((bits & 0x7f) === 0x7f) return NaN;
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >>> 3) & 0xf;
  const mantissa = bits & 7;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7));
});

/** float32 -> float8 e4m3fn bits; values that round beyond 448 become NaN, as in torch's cast. */
export function f32ToE4m3fn(value: number): number {
  f32[0] = value;
  const u = u32[0] as number;
  const sign = (u >>> 24) & 0x80;
  const abs = u & 0x7fffffff;
  if (abs > 0x43e80000) return sign | 0x7f; // beyond 464, halfway to the missing 480; also NaN and infinity
  if (abs < 0x3c800000) {
    // Below 2^-6: subnormal steps of 2^-9.
    const scaled = Math.abs(f32[0] as number) * 512;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    const up = rest > 0.5 || (rest === 0.5 && (floor & 1) === 1) ? 1 : 0;
    return sign | (floor + up);
  }
  const rounded = abs + 0x7ffff + ((abs >>> 20) & 1);
  const bits = (rounded - 0x3c000000) >>> 20;
  return sign | bits;
}

/** float8 e8m0 bits -> float32: 2^(bits - 127); NaN for 255. @source OCP Microscaling Formats 1.0, section 5.4.1 */
export function e8m0ToF32(bits: number): number {
  return bits === 0xff ? NaN : 2 ** (bits - 127);
}
