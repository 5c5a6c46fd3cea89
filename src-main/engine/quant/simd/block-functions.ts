/**
 * Functions on batches of weights in a WebAssembly memory, four weights at a time: extremes of blocks, and codes of weights
 * over their block's factor.
 */
import {
  block,
  f32x4,
  f64x2,
  FunctionBuilder,
  i16x8,
  i32,
  i32x4,
  i8x16,
  load,
  loadF32,
  loadSplat,
  reordered,
  store,
  v128,
} from './wasm-module.js';
import type { Code, Variable, WasmFunction } from './wasm-module.js';

/** Weights of a batch. */
export const BATCH = 4096;
/** Weights of a group: the smallest block. */
export const GROUP = 16;
export const GROUPS = BATCH / GROUP;
/** Bytes of a group's weights. */
const GROUP_BYTES = GROUP * 4;

/** Places in the memory: weights, their bf16 bits, codes, and for each group its largest and least, four times, and a factor. */
export const WEIGHTS = 0;
export const BITS = WEIGHTS + BATCH * 4;
export const CODES = BITS + BATCH * 2;
export const LARGEST = CODES + BATCH;
export const LEAST = LARGEST + GROUPS * 16;
export const FACTORS = LEAST + GROUPS * 16;
export const BAD = FACTORS + GROUPS * 4;
/** Of every 32 weights: four candidates in f64, and for each two sums. */
export const CANDIDATES = BAD + 16;
export const PRODUCTS = CANDIDATES + (BATCH / 32) * 32;
export const SQUARES = PRODUCTS + (BATCH / 32) * 32;

/** A function of the number of groups, whose body is code for a group at `at`, a multiple of `step` groups. */
function perGroup(
  name: string,
  step: number,
  body: (f: FunctionBuilder, group: Variable) => { readonly each: Code; readonly before?: Code; readonly after?: Code },
): WasmFunction {
  const f = new FunctionBuilder(['i32']);
  const group = f.i32();
  const { each, before = [], after = [] } = body(f, group);
  const loop = f.loop(group, i32.constant(0), step, i32.ltS(group.get, f.parameter(0)), each);
  return { name, builder: f, body: block(before, loop, after) };
}

/** An index times a power of two. */
const times = (index: Variable, power: number): Code => i32.shl(index.get, i32.constant(power));

/** bf16 bits at BITS to f32 at WEIGHTS. */
const widen = perGroup('widen', 1, (f, group) => {
  const bits = f.v128();
  const half = (index: number): Code => [
    ...bits.set(load(times(group, 5), BITS + index * 16)),
    ...store(times(group, 6), WEIGHTS + index * 32, i32x4.shl(i32x4.widenLow(bits.get), i32.constant(16))),
    ...store(times(group, 6), WEIGHTS + index * 32 + 16, i32x4.shl(i32x4.widenHigh(bits.get), i32.constant(16))),
  ];
  return { each: block(half(0), half(1)) };
});

/** Largest and least of each group, four times each, and a mask at BAD of lanes that had NaN or infinity. */
const extremes = perGroup('extremes', 1, (f, group) => {
  const [x, largest, least, bad] = [f.v128(), f.v128(), f.v128(), f.v128()];
  const at = times(group, 6);
  const take = (index: number): Code =>
    block(
      x.set(load(at, WEIGHTS + index * 16)),
      // The difference of what is not finite from itself is NaN.
      bad.set(v128.or(bad.get, f32x4.ne(f32x4.sub(x.get, x.get), f32x4.constant(0)))),
      index === 0 ? largest.set(x.get) : largest.set(f32x4.pmax(largest.get, x.get)),
      index === 0 ? least.set(x.get) : least.set(f32x4.pmin(least.get, x.get)),
    );
  return {
    before: bad.set(i32x4.constant(0)),
    each: block(
      ...[0, 1, 2, 3].map(take),
      ...(
        [
          [2, 3, 0, 1],
          [1, 0, 3, 2],
        ] as const
      ).flatMap((order) => [
        largest.set(f32x4.pmax(largest.get, reordered(largest.get, order))),
        least.set(f32x4.pmin(least.get, reordered(least.get, order))),
      ]),
      store(times(group, 4), LARGEST, largest.get),
      store(times(group, 4), LEAST, least.get),
    ),
    after: store(i32.constant(0), BAD, bad.get),
  };
});

/** Bytes of 16 codes, each of four vectors of i32. */
function bytesOf(codes: readonly Code[], narrow = i8x16.narrow): Code {
  const [a = [], b = [], c = [], d = []] = codes;
  return narrow(i16x8.narrow(a, b), i16x8.narrow(c, d));
}

const quarters = [0, 1, 2, 3] as const;

/** Weight times its group's factor, half away from zero, plus 128; 16 bytes a group. */
const rounded = perGroup('rounded', 1, (f, group) => {
  const [factor, quotient, whole] = [f.v128(), f.v128(), f.v128()];
  const code = (index: number): Code => {
    const rest = f32x4.abs(f32x4.sub(quotient.get, whole.get));
    const one = v128.or(v128.and(quotient.get, i32x4.constant(-0x80000000)), f32x4.constant(1));
    return block(
      quotient.set(f32x4.mul(load(times(group, 6), WEIGHTS + index * 16), factor.get)),
      whole.set(f32x4.trunc(quotient.get)),
      f32x4.toInt(f32x4.add(whole.get, v128.and(f32x4.ge(rest, f32x4.constant(0.5)), one))),
    );
  };
  return {
    each: block(
      factor.set(loadSplat(times(group, 2), FACTORS)),
      store(times(group, 4), CODES, v128.xor(bytesOf(quarters.map(code)), i32x4.constant(-0x7f7f7f80))),
    ),
  };
});

/** Two groups' bytes of 16 codes as 16 bytes of pairs. @param pair of eight codes at even and eight at odd places */
function pairs(f: FunctionBuilder, group: Variable, codes: (index: number) => Code, pair: (c: Variable) => Code): Code {
  const [first, second] = [f.v128(), f.v128()];
  return block(
    first.set(bytesOf(quarters.map((index) => codes(index)))),
    second.set(bytesOf(quarters.map((index) => codes(index + 4)))),
    store(times(group, 3), CODES, i8x16.narrowU(pair(first), pair(second))),
  );
}

/** Even codes in low nibbles. */
const evenLow = (c: Variable): Code =>
  v128.or(
    v128.and(c.get, i16x8.constant(0x000f)),
    v128.and(i16x8.shrU(c.get, i32.constant(4)), i16x8.constant(0x00f0)),
  );
/** Even codes in high nibbles. */
const evenHigh = (c: Variable): Code =>
  v128.or(v128.and(i16x8.shl(c.get, i32.constant(4)), i16x8.constant(0x00f0)), i16x8.shrU(c.get, i32.constant(8)));

/** Weight times its group's factor plus 8.5, toward zero, at most 15; pairs, the even one's low. */
const shifted = perGroup('shifted', 2, (f, group) => {
  const code = (index: number): Code => {
    const factor = loadSplat(times(group, 2), FACTORS + (index >> 2) * 4);
    const quotient = f32x4.mul(load(times(group, 6), WEIGHTS + index * 16), factor);
    return i32x4.min(f32x4.toInt(f32x4.add(quotient, f32x4.constant(8.5))), i32x4.constant(15));
  };
  return { each: pairs(f, group, code, evenLow) };
});

const MIDPOINTS = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5] as const;

/** Code of a magnitude: the number of midpoints that it is above. */
function countAbove(count: Variable, isAbove: (midpoint: number, code: number) => Code): Code {
  return block(
    count.set(i32x4.constant(0)),
    ...MIDPOINTS.map((midpoint, code) => count.set(i32x4.sub(count.get, isAbove(midpoint, code)))),
  );
}

/** The sign of a weight, as the fourth bit. */
const signBit = (x: Variable): Code => v128.and(i32x4.shrU(x.get, i32.constant(28)), i32x4.constant(8));

/**
 * ggml's fp4 codes of weights over their group's factor: ties to the smaller magnitude, no −0, 0 where the factor is 0;
 * pairs, the even one's high.
 */
const nearest = perGroup('nearest', 2, (f, group) => {
  const [x, magnitude, factor, count] = [f.v128(), f.v128(), f.v128(), f.v128()];
  const code = (index: number): Code =>
    block(
      x.set(load(times(group, 6), WEIGHTS + index * 16)),
      magnitude.set(f32x4.abs(x.get)),
      factor.set(loadSplat(times(group, 2), FACTORS + (index >> 2) * 4)),
      // Exact: a factor has at most four digits.
      countAbove(count, (midpoint) => f32x4.gt(magnitude.get, f32x4.mul(factor.get, f32x4.constant(midpoint)))),
      count.set(v128.and(count.get, f32x4.ne(factor.get, f32x4.constant(0)))),
      v128.or(count.get, v128.and(signBit(x), v128.andNot(i32x4.constant(-1), i32x4.eq(count.get, i32x4.constant(0))))),
    );
  return { each: pairs(f, group, code, evenHigh) };
});

/** ComfyUI's fp4 codes: ties to the even code, signs of zeros kept; codes of 0 where the factor is 0. */
const even = perGroup('even', 2, (f, group) => {
  const [x, magnitude, factor, count] = [f.v128(), f.v128(), f.v128(), f.v128()];
  const code = (index: number): Code =>
    block(
      x.set(load(times(group, 6), WEIGHTS + index * 16)),
      factor.set(loadSplat(times(group, 2), FACTORS + (index >> 2) * 4)),
      magnitude.set(f32x4.abs(f32x4.div(x.get, factor.get))),
      countAbove(count, (midpoint, below) =>
        (below % 2 === 0 ? f32x4.gt : f32x4.ge)(magnitude.get, f32x4.constant(midpoint)),
      ),
      v128.and(v128.or(count.get, signBit(x)), f32x4.ne(factor.get, f32x4.constant(0))),
    );
  return { each: pairs(f, group, code, evenHigh) };
});

/** For the four candidates of every 32 weights: sums of weight · code and code², codes of f64, rounded to even, at most 7. */
const candidates = perGroup('candidates', 2, (f, group) => {
  const [weight, code] = [f.v128(), f.v128()];
  const [at, end] = [f.i32(), f.i32()];
  const sums = [0, 1].map((pair) => ({ offset: pair * 16, inverse: f.v128(), products: f.v128(), squares: f.v128() }));
  const magic = f64x2.constant(6755399441055744);
  const take = ({ inverse, products, squares }: (typeof sums)[number]): Code =>
    block(
      code.set(f64x2.sub(f64x2.add(f64x2.mul(weight.get, inverse.get), magic), magic)),
      code.set(f64x2.pmin(code.get, f64x2.constant(7))),
      products.set(f64x2.add(products.get, f64x2.mul(weight.get, code.get))),
      squares.set(f64x2.add(squares.get, f64x2.mul(code.get, code.get))),
    );
  return {
    each: block(
      ...sums.map(({ offset, inverse, products, squares }) =>
        block(
          inverse.set(load(times(group, 4), CANDIDATES + offset)),
          products.set(f64x2.constant(0)),
          squares.set(f64x2.constant(0)),
        ),
      ),
      end.set(i32.add(times(group, 6), i32.constant(2 * GROUP_BYTES))),
      f.loop(
        at,
        times(group, 6),
        4,
        i32.ltS(at.get, end.get),
        weight.set(f64x2.splat(f64x2.promote(loadF32(at.get, WEIGHTS)))),
        ...sums.map(take),
      ),
      ...sums.map(({ offset, products, squares }) =>
        block(
          store(times(group, 4), PRODUCTS + offset, products.get),
          store(times(group, 4), SQUARES + offset, squares.get),
        ),
      ),
    ),
  };
});

export const BLOCK_FUNCTIONS = [widen, extremes, rounded, shifted, nearest, even, candidates];
