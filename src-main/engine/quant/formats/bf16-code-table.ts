/**
 * Codes of bf16 weights by lookup. The quotient weight / absmax of two bf16 numbers depends on two 7-bit mantissas, a
 * sign and a difference of exponents only, so every code of a format fits a table of a few hundred kilobytes. The
 * table is filled by the format's own f32 arithmetic and is therefore exact.
 */
import { bf16ToF32 } from '../../../base/float-formats.js';

const MANTISSAS = 128;
/** Exponent field (bias 127) at which the table is computed; any other gives the same codes. */
const EXPONENT = 127;
/**
 * Smallest exponent field of an absmax for which the table holds: its smallest weights lie 32 octaves lower, where
 * f32 arithmetic is still free of subnormals. Below (absmax < 2^-79) encoders fall back to f32.
 */
export const MIN_TABLE_EXPONENT = 48;

/** Whether an absmax (bf16 bits without sign) may use the table. */
export function fitsTable(absmaxBits: number): boolean {
  return absmaxBits >= MIN_TABLE_EXPONENT * MANTISSAS;
}

export class Bf16CodeTable {
  /** [mantissa of the absmax, sign, steps below the absmax]. */
  readonly #codes: Uint8Array;
  /** log2 of the steps that the table reaches below the absmax; 128 steps are an octave. */
  readonly #depthBits: number;

  /**
   * @param depthBits at most 12; from 2^depthBits steps down, codes must not change any more
   * @param encode the format's codes of f32 weights, given their block's absmax: one byte each into `out` from `at`
   */
  constructor(depthBits: number, encode: (weights: Float32Array, absmax: number, out: Uint8Array, at: number) => void) {
    const depth = 1 << depthBits;
    const weights = new Float32Array(2 * depth);
    this.#depthBits = depthBits;
    this.#codes = new Uint8Array(MANTISSAS * weights.length);
    for (let mantissa = 0; mantissa < MANTISSAS; mantissa++) {
      const absmaxBits = EXPONENT * MANTISSAS + mantissa;
      for (let step = 0; step < depth; step++) {
        weights[step] = bf16ToF32(absmaxBits - step);
        weights[depth + step] = -(weights[step] as number);
      }
      encode(weights, bf16ToF32(absmaxBits), this.#codes, mantissa * weights.length);
    }
  }

  /** Codes of bits [begin, end) into `out` from `at`. @param absmaxBits their absmax, for which `fitsTable` holds */
  encode(bits: Uint16Array, begin: number, end: number, absmaxBits: number, out: Uint8Array, at: number): void {
    const codes = this.#codes;
    const depthBits = this.#depthBits;
    const base = (absmaxBits & (MANTISSAS - 1)) << (depthBits + 1);
    const last = (1 << depthBits) - 1;
    const signShift = 15 - depthBits;
    const shift = at - begin;
    for (let i = begin; i < end; i++) {
      const word = bits[i] as number;
      const step = Math.min(absmaxBits - (word & 0x7fff), last);
      out[i + shift] = codes[base + ((word & 0x8000) >> signShift) + step] as number;
    }
  }
}
