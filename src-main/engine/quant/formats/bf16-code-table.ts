/**
 * Codes of bf16 weights by lookup. The quotient weight / absmax of two bf16 numbers depends only on two 7-bit mantissas,
 * a sign and a difference of exponents. One table per mantissa of the absmax, indexed by the difference of the raw bits,
 * contains every code of a format. It is computed with the format's own f32 arithmetic and is therefore exact.
 *
 * The tables have 8 MiB, of which a few hundred kilobytes are used.
 */
import { bf16ToF32 } from '../../../base/float-formats.js';

const MANTISSAS = 128;
/** Exponent field (bias 127) for computing the table; any other gives the same codes. */
const EXPONENT = 127;
/**
 * Smallest exponent field of an absmax for the table: its smallest weights are 32 octaves lower, where f32 arithmetic
 * still has no subnormals. Below (absmax < 2^-79) encoders use f32.
 */
const MIN_TABLE_EXPONENT = 48;

/** Whether an absmax (bf16 bits without sign) may use the table. */
export function fitsTable(absmaxBits: number): boolean {
  return absmaxBits >= MIN_TABLE_EXPONENT * MANTISSAS;
}

/** Entries of one table: every difference of 15-bit magnitudes, for each sign. */
const TABLE_SIZE = 0x10000;
/** Index of the absmax itself in its table; smaller magnitudes are below it, negative weights 0x8000 above. */
const ABSMAX_INDEX = 0x7fff;

export class Bf16CodeTable {
  readonly #codes = new Uint8Array(MANTISSAS * TABLE_SIZE);

  /**
   * @param depth bf16 steps (128 to an octave) below the absmax beyond which codes are constant; at most 4096
   * @param encode writes the format's codes of f32 weights with their block's absmax, one byte each, into `out` from `at`
   */
  constructor(depth: number, encode: (weights: Float32Array, absmax: number, out: Uint8Array, at: number) => void) {
    const weights = new Float32Array(depth);
    for (let mantissa = 0; mantissa < MANTISSAS; mantissa++) {
      const absmaxBits = EXPONENT * MANTISSAS + mantissa;
      for (const sign of [0, 1]) {
        const top = mantissa * TABLE_SIZE + ABSMAX_INDEX + 0x8000 * sign;
        for (let i = 0; i < depth; i++) weights[i] = bf16ToF32((sign << 15) | (absmaxBits - depth + 1 + i));
        encode(weights, bf16ToF32(absmaxBits), this.#codes, top - depth + 1);
        this.#codes.fill(this.#codes[top - depth + 1] as number, top - ABSMAX_INDEX, top - depth + 1);
      }
    }
  }

  /** Writes codes of bits [begin, end) into `out` from `at`. @param absmaxBits their absmax; `fitsTable` must hold */
  encode(bits: Uint16Array, begin: number, end: number, absmaxBits: number, out: Uint8Array, at: number): void {
    const codes = this.#codes;
    const offset = (absmaxBits & (MANTISSAS - 1)) * TABLE_SIZE + ABSMAX_INDEX - absmaxBits;
    const shift = at - begin;
    for (let i = begin; i < end; i++) out[i + shift] = codes[(bits[i] as number) + offset] as number;
  }
}
