/**
 * What a format keeps of the LoRAs in a weight. Where the base was stored in that format already, as bitsandbytes' NF4,
 * this is the cost of quantizing it again: without a LoRA its values are the format's own, and nothing is lost. Pure.
 */
import { LOSSY_FORMATS, type LoraLoss, type LossyFormat } from '../../protocol.js';

type Squares = Record<LossyFormat, number>;

/** Gathers stretches of rows of one weight, or whole weights of a network. */
export class LoraLossMeasure {
  #base = 0;
  #delta = 0;
  readonly #errors = Object.fromEntries(LOSSY_FORMATS.map((format) => [format, 0])) as Squares;

  /**
   * @param base values W @param sum values W + Δ before rounding, as many
   */
  addRows(base: Float32Array, sum: Float32Array): void {
    this.#base += squaresOf(base, null);
    this.#delta += squaresOf(sum, base);
  }

  /** @param decoded values of the encoded sum */
  addEncoded(format: LossyFormat, sum: Float32Array, decoded: Float32Array): void {
    this.#errors[format] += squaresOf(decoded, sum);
  }

  /** Counts another measure in, of a sample that stands for `share` times its size. */
  addMeasure(other: LoraLossMeasure, share: number): void {
    this.#base += other.#base * share;
    this.#delta += other.#delta * share;
    for (const format of LOSSY_FORMATS) this.#errors[format] += other.#errors[format] * share;
  }

  /** Null where nothing is added. */
  result(): Omit<LoraLoss, 'stored'> | null {
    if (this.#delta === 0) return null;
    const lost = Object.fromEntries(
      LOSSY_FORMATS.map((format) => [format, Math.sqrt(this.#errors[format] / this.#delta)]),
    ) as Squares;
    return { size: this.#base === 0 ? 0 : Math.sqrt(this.#delta / this.#base), lost };
  }
}

/** ‖a − b‖², or ‖a‖² without b. */
function squaresOf(a: Float32Array, b: Float32Array | null): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += ((a[i] as number) - (b === null ? 0 : (b[i] as number))) ** 2;
  return sum;
}
