/**
 * ggml's quantizers of Q4_K, Q5_K and Q6_K: blocks of 256 weights with an f16 step, and small integer scales for stretches
 * of 32 or 16. The codes and scales are llama.cpp's, bit for bit, of its reference quantizers compiled for x86-64, where no
 * product and sum is fused; every intermediate that C holds in a float is rounded to f32.
 *
 * @source ggml-org/ggml 0.25.3 src/ggml-quants.c: quantize_row_q4_K_ref, quantize_row_q5_K_ref, quantize_row_q6_K_ref
 */
import { f16ToF32, f32ToF16 } from '../../../base/float-formats.js';
import { KSearch, LANES } from '../simd/k-search.js';
import { F16_MAX, tooLargeError } from './weights.js';

/** Weights of a block. */
export const K_BLOCK = 256;

/** What a block stands for, each in memory that the next block uses again. */
export interface KBlock {
  /** One code a weight. */
  readonly codes: Uint8Array;
  /** Of every stretch: 6 bits for the affine types, signed for Q6_K. */
  readonly scales: Int8Array;
  /** Of every stretch; unused by Q6_K. */
  readonly minima: Uint8Array;
  /** Steps of scales and minima, values of f16. */
  step: number;
  minimumStep: number;
}

export interface AffineSearch {
  /** Largest code. */
  readonly levels: number;
  readonly rmin: number;
  /** Number of trials, less one. */
  readonly last: number;
}

const round = Math.fround;
let search: KSearch | undefined;

export function kBlock(): KBlock {
  return {
    codes: new Uint8Array(K_BLOCK),
    scales: new Int8Array(16),
    minima: new Uint8Array(8),
    step: 0,
    minimumStep: 0,
  };
}

/** C's nearest_int: ties to even below 2^22, and beyond whatever the bits of the sum are. */
function nearestInt(value: number): number {
  const sum = round(value + 12582912);
  if (value > -4194304 && value < 4194304) return sum - 12582912;
  scratch[0] = sum;
  return ((scratchBits[0] as number) & 0x007fffff) - 0x00400000;
}
const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

/** An f32 step as an f16 value. */
function halfStep(step: number, label: string): number {
  const half = f16ToF32(f32ToF16(step));
  if (!(Math.abs(half) <= F16_MAX)) throw tooLargeError(label, step, 'scale');
  return half;
}

/** Q4_K and Q5_K. @param x 256 weights */
export function encodeAffine(x: Float32Array, { levels, rmin, last }: AffineSearch, out: KBlock, label: string): void {
  const found = (search ??= new KSearch());
  const { weights, importances } = found;
  const { codes } = out;
  let largestScale = 0;
  let largestMinimum = 0;
  for (let first = 0; first < 8; first += LANES) {
    for (let lane = 0; lane < LANES; lane++) {
      const from = (first + lane) * 32;
      let squares = 0;
      for (let j = 0; j < 32; j++) {
        const weight = x[from + j] as number;
        weights[j * LANES + lane] = weight;
        squares = round(squares + round(weight * weight));
      }
      const average = round(Math.sqrt(round(squares / 32)));
      for (let j = 0; j < 32; j++) importances[j * LANES + lane] = average + Math.abs(x[from + j] as number);
    }
    found.affine(levels, rmin, last);
    for (let lane = 0; lane < LANES; lane++) {
      const scale = (stretchScales[first + lane] = found.scales[lane] as number);
      const minimum = (stretchMinima[first + lane] = found.minima[lane] as number);
      if (scale > largestScale) largestScale = scale;
      if (minimum > largestMinimum) largestMinimum = minimum;
      for (let j = 0; j < 32; j++) codes[(first + lane) * 32 + j] = found.codes[j * LANES + lane] as number;
    }
  }
  const scaleInverse = largestScale > 0 ? round(63 / largestScale) : 0;
  const minimumInverse = largestMinimum > 0 ? round(63 / largestMinimum) : 0;
  const step = (out.step = halfStep(round(largestScale / 63), label));
  const minimumStep = (out.minimumStep = halfStep(round(largestMinimum / 63), label));
  for (let s = 0; s < 8; s++) {
    const scale = Math.min(63, nearestInt(round(scaleInverse * (stretchScales[s] as number))) & 255);
    const minimum = Math.min(63, nearestInt(round(minimumInverse * (stretchMinima[s] as number))) & 255);
    out.scales[s] = scale;
    out.minima[s] = minimum;
    const divisor = round(step * scale);
    if (divisor === 0) continue;
    const offset = round(minimumStep * minimum);
    for (let j = s * 32; j < s * 32 + 32; j++) {
      const code = nearestInt(round(round((x[j] as number) + offset) / divisor));
      codes[j] = code < 0 ? 0 : code > levels ? levels : code;
    }
  }
}
const stretchScales = new Float32Array(16);
const stretchMinima = new Float32Array(8);

/** Below this magnitude a block counts as zeros. */
const ZERO_BELOW = round(1e-15);

/** Q6_K, codes shifted by 32. @param x 256 weights */
export function encodeSymmetric(x: Float32Array, out: KBlock, label: string): void {
  const found = (search ??= new KSearch());
  const { weights } = found;
  const { codes } = out;
  let largest = 0;
  let extreme = 0;
  for (let first = 0; first < 16; first += LANES) {
    for (let lane = 0; lane < LANES; lane++) {
      const from = (first + lane) * 16;
      for (let j = 0; j < 16; j++) weights[j * LANES + lane] = x[from + j] as number;
    }
    found.symmetric();
    for (let lane = 0; lane < LANES; lane++) {
      const scale = (stretchScales[first + lane] = found.scales[lane] as number);
      if (Math.abs(scale) > largest) [largest, extreme] = [Math.abs(scale), scale];
      for (let j = 0; j < 16; j++) codes[(first + lane) * 16 + j] = found.codes[j * LANES + lane] as number;
    }
  }
  out.minimumStep = 0;
  if (largest < ZERO_BELOW) {
    out.step = 0;
    codes.fill(0);
    out.scales.fill(0);
    return;
  }
  const inverse = round(-128 / extreme);
  const step = (out.step = halfStep(round(1 / inverse), label));
  for (let s = 0; s < 16; s++) {
    const scale = (out.scales[s] = Math.min(127, nearestInt(round(inverse * (stretchScales[s] as number)))));
    const divisor = round(step * scale);
    if (divisor === 0) continue;
    for (let j = s * 16; j < s * 16 + 16; j++) {
      const code = nearestInt(round((x[j] as number) / divisor));
      codes[j] = (code < -32 ? -32 : code > 31 ? 31 : code) + 32;
    }
  }
}
