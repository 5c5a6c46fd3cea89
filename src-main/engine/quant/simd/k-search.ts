/**
 * The searches of ggml's K quantizers for a stretch's scale and minimum, four stretches at a time: every lane computes
 * what C computes for its stretch, in the same order and each step rounded to f32, so the bytes are the same.
 *
 * @source ggml-org/ggml 0.25.3 src/ggml-quants.c: nearest_int, make_qkx2_quants (use_mad false), make_qx_quants
 * (rmse_type 1)
 */
import { block, f32, f32x4, FunctionBuilder, i32, i32x4, instantiate, load, store, v128, when } from './wasm-module.js';
import type { Code, Variable, WasmFunction } from './wasm-module.js';

/** Stretches that are searched at a time. */
export const LANES = 4;
/** Bytes of one weight of every lane. */
const STEP = 16;
const LONGEST = 32;
/** Places in the memory: weights, importances (or powers), codes, a candidate's codes, scales, minima. */
const [X, W, L, AUX] = [0, LONGEST * STEP, 2 * LONGEST * STEP, 3 * LONGEST * STEP];
const SCALE = 4 * LONGEST * STEP;
const MINIMUM = SCALE + STEP;

/** C's nearest_int by the bits of a sum, clamped, as f32: for numbers beyond 2^22, too, where it is not the nearest. */
function code(value: Code, least: number, most: Code): Code {
  const sum = f32x4.add(value, f32x4.constant(12582912));
  const integer = i32x4.sub(v128.and(sum, i32x4.constant(0x007fffff)), i32x4.constant(0x00400000));
  return f32x4.fromInt(i32x4.max(i32x4.min(integer, most), i32x4.constant(least)));
}

/** A variable plus a value. */
const increase = (sum: Variable, by: Code): Code => sum.set(f32x4.add(sum.get, by));
const choose = (variable: Variable, value: Code, mask: Variable): Code =>
  variable.set(v128.select(value, variable.get, mask.get));

/** affine(levels, rmin, last step): X, W of 32 weights a lane -> SCALE, MINIMUM (negated) and L. */
function affineSearch(): WasmFunction {
  const f = new FunctionBuilder(['f32', 'f32', 'i32']);
  const [levels, rmin, last] = [f.parameter(0), f.parameter(1), f.parameter(2)];
  const [at, step] = [f.i32(), f.i32()];
  const [x, w, l, min, max, sumW, sumX] = [f.v128(), f.v128(), f.v128(), f.v128(), f.v128(), f.v128(), f.v128()];
  const [inverse, scale, best, flat, most] = [f.v128(), f.v128(), f.v128(), f.v128(), f.v128()];
  const [sumL, sumL2, sumXL, d, ts, tm, error, mask] = [
    ...[f.v128(), f.v128(), f.v128(), f.v128()],
    ...[f.v128(), f.v128(), f.v128(), f.v128()],
  ] as const;
  const end = LONGEST * STEP;
  const each = (from: number, ...body: Code[]): Code =>
    f.loop(at, i32.constant(from), STEP, i32.ltS(at.get, i32.constant(end)), ...body);
  const { add, sub, mul, div, splat, constant } = f32x4;
  const zero = constant(0);
  const quotient = code(mul(inverse.get, sub(x.get, min.get)), 0, most.get);
  const squared = (of: Code): Code => mul(w.get, block(d.set(of), mul(d.get, d.get)));
  const range = sub(max.get, min.get);

  const body = block(
    // The codes' largest, as integers.
    most.set(
      i32x4.sub(v128.and(add(splat(levels), constant(12582912)), i32x4.constant(0x7fffff)), i32x4.constant(0x400000)),
    ),
    x.set(load(i32.constant(0), X)),
    min.set(x.get),
    max.set(x.get),
    sumW.set(load(i32.constant(0), W)),
    sumX.set(mul(sumW.get, x.get)),
    each(
      STEP,
      x.set(load(at.get, X)),
      w.set(load(at.get, W)),
      min.set(f32x4.pmin(min.get, x.get)),
      max.set(f32x4.pmax(max.get, x.get)),
      increase(sumW, w.get),
      increase(sumX, mul(w.get, x.get)),
    ),
    min.set(f32x4.pmin(min.get, zero)),
    flat.set(f32x4.eq(max.get, min.get)),
    inverse.set(div(splat(levels), range)),
    scale.set(div(constant(1), inverse.get)),
    best.set(zero),
    each(
      0,
      x.set(load(at.get, X)),
      w.set(load(at.get, W)),
      l.set(quotient),
      store(at.get, L, l.get),
      increase(best, squared(sub(add(mul(scale.get, l.get), min.get), x.get))),
    ),
    f.loop(
      step,
      i32.constant(0),
      1,
      i32.leS(step.get, last),
      inverse.set(div(splat(f32.add(f32.add(rmin, f32.mul(f32.constant(0.1), f32.fromInt(step.get))), levels)), range)),
      sumL.set(zero),
      sumL2.set(zero),
      sumXL.set(zero),
      each(
        0,
        x.set(load(at.get, X)),
        l.set(quotient),
        store(at.get, AUX, l.get),
        w.set(mul(load(at.get, W), l.get)),
        increase(sumL, w.get),
        increase(sumL2, mul(w.get, l.get)),
        increase(sumXL, mul(w.get, x.get)),
      ),
      d.set(sub(mul(sumW.get, sumL2.get), mul(sumL.get, sumL.get))),
      ts.set(div(sub(mul(sumW.get, sumXL.get), mul(sumX.get, sumL.get)), d.get)),
      tm.set(div(sub(mul(sumL2.get, sumX.get), mul(sumL.get, sumXL.get)), d.get)),
      mask.set(f32x4.gt(tm.get, zero)),
      choose(tm, zero, mask),
      choose(ts, div(sumXL.get, sumL2.get), mask),
      mask.set(v128.andNot(f32x4.gt(d.get, zero), flat.get)),
      error.set(zero),
      each(
        0,
        w.set(load(at.get, W)),
        increase(error, squared(sub(add(mul(ts.get, load(at.get, AUX)), tm.get), load(at.get, X)))),
      ),
      mask.set(v128.and(mask.get, f32x4.lt(error.get, best.get))),
      when(
        v128.anyTrue(mask.get),
        each(0, store(at.get, L, v128.select(load(at.get, AUX), load(at.get, L), mask.get))),
        choose(best, error.get, mask),
        choose(scale, ts.get, mask),
        choose(min, tm.get, mask),
      ),
    ),
    choose(scale, zero, flat),
    each(0, store(at.get, L, v128.andNot(load(at.get, L), flat.get))),
    store(i32.constant(0), SCALE, scale.get),
    store(i32.constant(0), MINIMUM, f32x4.neg(min.get)),
  );
  return { name: 'affine', builder: f, body };
}

/** Below this magnitude a stretch counts as zeros. */
const ZERO_BELOW = Math.fround(1e-15);

/** symmetric(): X of 16 weights a lane, codes −32 to 31 -> SCALE and L, shifted by 32. */
function symmetricSearch(): WasmFunction {
  const f = new FunctionBuilder([]);
  const [at, step] = [f.i32(), f.i32()];
  const [x, l, extreme, largest, mask, zeros] = [f.v128(), f.v128(), f.v128(), f.v128(), f.v128(), f.v128()];
  const [inverse, accepted, scale, best, sumXL, sumL2] = [
    ...[f.v128(), f.v128(), f.v128()],
    ...[f.v128(), f.v128(), f.v128()],
  ] as const;
  const end = 16 * STEP;
  const each = (...body: Code[]): Code =>
    f.loop(at, i32.constant(0), STEP, i32.ltS(at.get, i32.constant(end)), ...body);
  const { mul, div, splat, constant } = f32x4;
  const zero = constant(0);
  const most = i32x4.constant(31);
  // Powers of the weights: squares at W, cubes at AUX.
  const sums = block(
    sumXL.set(zero),
    sumL2.set(zero),
    each(
      l.set(code(mul(inverse.get, load(at.get, X)), -32, most)),
      increase(sumXL, mul(load(at.get, AUX), l.get)),
      increase(sumL2, mul(mul(load(at.get, W), l.get), l.get)),
    ),
  );
  const better = f32x4.gt(mul(sumXL.get, sumXL.get), mul(best.get, sumL2.get));
  const accept = block(
    choose(scale, div(sumXL.get, sumL2.get), mask),
    choose(best, mul(scale.get, sumXL.get), mask),
    choose(accepted, inverse.get, mask),
  );

  const body = block(
    largest.set(zero),
    extreme.set(zero),
    each(
      x.set(load(at.get, X)),
      l.set(mul(x.get, x.get)),
      store(at.get, W, l.get),
      store(at.get, AUX, mul(l.get, x.get)),
      mask.set(f32x4.gt(f32x4.abs(x.get), largest.get)),
      choose(extreme, x.get, mask),
      largest.set(f32x4.abs(extreme.get)),
    ),
    zeros.set(f32x4.lt(largest.get, constant(ZERO_BELOW))),
    inverse.set(div(constant(-32), extreme.get)),
    sums,
    accepted.set(inverse.get),
    // The sum of squares may have underflowed to zero.
    scale.set(v128.andNot(div(sumXL.get, sumL2.get), f32x4.eq(sumL2.get, zero))),
    best.set(mul(scale.get, sumXL.get)),
    f.loop(
      step,
      i32.constant(-9),
      1,
      i32.leS(step.get, i32.constant(9)),
      when(
        step.get,
        inverse.set(
          div(
            splat(f32.neg(f32.add(f32.constant(32), f32.mul(f32.constant(0.1), f32.fromInt(step.get))))),
            extreme.get,
          ),
        ),
        sums,
        mask.set(v128.and(f32x4.gt(sumL2.get, zero), better)),
        accept,
      ),
    ),
    each(
      l.set(f32x4.add(code(mul(accepted.get, load(at.get, X)), -32, most), constant(32))),
      store(at.get, L, v128.andNot(l.get, zeros.get)),
    ),
    store(i32.constant(0), SCALE, v128.andNot(scale.get, zeros.get)),
  );
  return { name: 'symmetric', builder: f, body };
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly affine: (levels: number, rmin: number, last: number) => void;
  readonly symmetric: () => void;
}

/** The searches with their memory; weight j of lane n is at j · LANES + n. */
export class KSearch {
  readonly #exports: Exports;
  readonly weights: Float32Array;
  /** Of squared errors, for `affine`. */
  readonly importances: Float32Array;
  /** Codes as floats, where the block's own scales leave them as they are. */
  readonly codes: Float32Array;
  readonly scales: Float32Array;
  /** Negated minima. */
  readonly minima: Float32Array;

  constructor() {
    this.#exports = instantiate([affineSearch(), symmetricSearch()]) as unknown as Exports;
    const { buffer } = this.#exports.memory;
    const floats = (at: number, count: number) => new Float32Array(buffer, at, count);
    this.weights = floats(X, LONGEST * LANES);
    this.importances = floats(W, LONGEST * LANES);
    this.codes = floats(L, LONGEST * LANES);
    this.scales = floats(SCALE, LANES);
    this.minima = floats(MINIMUM, LANES);
  }

  /** Scale and minimum for 32 weights a lane. @param levels largest code @param last number of trials, less one */
  affine(levels: number, rmin: number, last: number): void {
    this.#exports.affine(levels, rmin, last);
  }

  /** Scale for 16 weights a lane, codes −32 to 31; `importances` are overwritten. */
  symmetric(): void {
    this.#exports.symmetric();
  }
}
