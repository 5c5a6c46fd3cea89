/**
 * The encoders' work on whole batches of weights, by the functions of `block-functions.ts`. What is computed once a block
 * (scales, their bytes) stays with the encoders.
 */
import type { Weights } from '../formats/weights.js';
import {
  BAD,
  BATCH,
  BITS,
  BLOCK_FUNCTIONS,
  CANDIDATES,
  CODES,
  FACTORS,
  GROUP,
  GROUPS,
  LARGEST,
  LEAST,
  PRODUCTS,
  SQUARES,
  WEIGHTS,
} from './block-functions.js';
import { instantiate } from './wasm-module.js';

type Kernel = 'widen' | 'extremes' | 'rounded' | 'shifted' | 'nearest' | 'even' | 'candidates';
type Exports = { readonly memory: WebAssembly.Memory } & Readonly<Record<Kernel, (groups: number) => void>>;

/** The kernels with their memory, for one batch at a time. */
export class BlockKernels {
  readonly #exports: Exports;
  readonly #bits: Uint16Array;
  readonly #bad: Int32Array;
  readonly #largest: Float32Array;
  readonly #least: Float32Array;
  readonly weights: Float32Array;
  readonly codes: Uint8Array;
  /** One for each 16 weights. */
  readonly factors: Float32Array;
  /** Four for each 32 weights. */
  readonly candidates: Float64Array;
  readonly products: Float64Array;
  readonly squares: Float64Array;
  #groups = 0;

  constructor() {
    this.#exports = instantiate(BLOCK_FUNCTIONS) as unknown as Exports;
    const { buffer } = this.#exports.memory;
    this.weights = new Float32Array(buffer, WEIGHTS, BATCH);
    this.codes = new Uint8Array(buffer, CODES, BATCH);
    this.factors = new Float32Array(buffer, FACTORS, GROUPS);
    this.candidates = new Float64Array(buffer, CANDIDATES, BATCH / 8);
    this.products = new Float64Array(buffer, PRODUCTS, BATCH / 8);
    this.squares = new Float64Array(buffer, SQUARES, BATCH / 8);
    this.#bits = new Uint16Array(buffer, BITS, BATCH);
    this.#bad = new Int32Array(buffer, BAD, 4);
    this.#largest = new Float32Array(buffer, LARGEST, GROUPS * 4);
    this.#least = new Float32Array(buffer, LEAST, GROUPS * 4);
  }

  /**
   * Takes weights [begin, end), at most BATCH, filled up with zeros to a multiple of 32, and finds their extremes.
   * @returns false if one is NaN or infinite
   */
  take(given: Weights, begin: number, end: number): boolean {
    const count = end - begin;
    const whole = Math.ceil(count / 32) * 32;
    this.#groups = whole / GROUP;
    if (given instanceof Uint16Array) {
      this.#bits.set(given.subarray(begin, end));
      this.#bits.fill(0, count, whole);
      this.#exports.widen(this.#groups);
    } else {
      this.weights.set(given.subarray(begin, end));
      this.weights.fill(0, count, whole);
    }
    this.#exports.extremes(this.#groups);
    const bad = this.#bad;
    return ((bad[0] as number) | (bad[1] as number) | (bad[2] as number) | (bad[3] as number)) === 0;
  }

  /** Largest of a group. */
  largest(group: number): number {
    return this.#largest[group * 4] as number;
  }

  /** Least of a group. */
  least(group: number): number {
    return this.#least[group * 4] as number;
  }

  /** Largest magnitude of a group. */
  magnitude(group: number): number {
    return Math.max(this.largest(group), -this.least(group));
  }

  /** The first weight of largest magnitude of 32 weights from a group; 0 if all are zeros. */
  extreme(group: number): number {
    const most = Math.max(this.largest(group), this.largest(group + 1));
    const least = Math.min(this.least(group), this.least(group + 1));
    if (most > -least) return most;
    if (most < -least) return least;
    if (most === 0) return 0;
    const { weights } = this;
    for (let i = group * GROUP; ; i++) if (Math.abs(weights[i] as number) === most) return weights[i] as number;
  }

  /** Factor of block b of 32. */
  setFactor(b: number, factor: number): void {
    this.factors[2 * b] = factor;
    this.factors[2 * b + 1] = factor;
  }

  run(kernel: Exclude<Kernel, 'widen' | 'extremes'>): void {
    this.#exports[kernel](this.#groups);
  }
}

let shared: BlockKernels | undefined;

/** One for the thread: encoders are synchronous. */
export function blockKernels(): BlockKernels {
  return (shared ??= new BlockKernels());
}
