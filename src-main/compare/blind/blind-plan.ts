/**
 * Plans the order of the pictures in a blind test. Two kinds: in `abx`, A and B are the reference and the variant, and X
 * repeats one of them, to be recognized; in `2afc`, one of A and B is chosen.
 */
import { invariant } from '../../base/assert.js';

export type BlindKind = 'abx' | '2afc';
export type BlindSide = 'reference' | 'variant';

export interface BlindTrial {
  /** Index into the pairs under test. */
  readonly pair: number;
  readonly a: BlindSide;
  readonly b: BlindSide;
  /** `abx` only, else null. */
  readonly x: BlindSide | null;
}

export interface BlindPlanOptions {
  readonly kind: BlindKind;
  /** Pairs of pictures, each shown about equally often; at least 1. */
  readonly pairs: number;
  readonly trials: number;
  /** 0 to 2^32 - 1; the same seed gives the same plan. */
  readonly seed: number;
}

/**
 * Numbers in 0 to 1 from a seed.
 *
 * @source Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, with the 32-bit mixer
 * of Wellons' hash prospector (lowbias32, public domain)
 */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
    bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** A shuffled copy. @source Fisher and Yates */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/** `count` items, each about equally often: rounds of all items, each in its own random order, the last cut short. */
function balanced<T>(items: readonly T[], count: number, random: () => number): T[] {
  const out: T[] = [];
  while (out.length < count) out.push(...shuffled(items, random));
  return out.slice(0, count);
}

const other = (side: BlindSide): BlindSide => (side === 'reference' ? 'variant' : 'reference');

/**
 * A random order in which each pair, each position of the reference and each choice of X occurs equally often (as far as
 * the number of trials allows), so that always choosing the same letter gains nothing.
 */
export function planBlindTest({ kind, pairs, trials, seed }: BlindPlanOptions): BlindTrial[] {
  invariant(pairs >= 1 && Number.isInteger(pairs) && Number.isInteger(trials) && trials >= 1, 'a test has trials');
  const random = randomFrom(seed);
  const sides: readonly BlindSide[] = ['reference', 'variant'];
  const hidden: readonly (BlindSide | null)[] = kind === 'abx' ? sides : [null];
  const arrangements = sides.flatMap((a) => hidden.map((x) => ({ a, x })));
  const orders = shuffled(balanced(arrangements, trials, random), random);
  const shown = balanced(
    Array.from({ length: pairs }, (_, pair) => pair),
    trials,
    random,
  );
  return orders.map(({ a, x }, i) => ({ pair: shown[i] as number, a, b: other(a), x }));
}
