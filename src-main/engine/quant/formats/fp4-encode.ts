/**
 * fp4 codes (e2m1) of weights over their block's scale, in the two ways that tools round: ggml takes the nearest value and,
 * halfway, the smaller one, and never writes −0; ComfyUI takes the even one and keeps the sign of what becomes 0.
 *
 * @source ggml-org/ggml 0.25.3 src/ggml-quants.c: best_index_mxfp4; Comfy-Org/comfy-kitchen 0.2.40 float_utils.py:
 * _f32_to_floatx_unpacked
 */

/** Twice the midpoints of the codes' magnitudes 0, 1/2, 1, 3/2, 2, 3, 4, 6. */
const DOUBLED_MIDPOINTS = [0.5, 1.5, 2.5, 3.5, 5, 7, 10] as const;
/** Steps of 1/4 up to 12, more than the largest magnitude over its scale. */
const CELLS = 64;

/** Code of the magnitude ceil(4 · m) / 4 for m just below it: ties go down. */
const DOWN = Uint8Array.from({ length: CELLS }, (_, cell) =>
  DOUBLED_MIDPOINTS.reduce((code, midpoint) => code + (cell > 2 * midpoint ? 1 : 0), 0),
);
/** Codes by floor(4 · m) + ceil(4 · m): odd places lie between two quarters. */
const EVEN = Uint8Array.from({ length: 2 * CELLS }, (_, place) =>
  DOUBLED_MIDPOINTS.reduce(
    // The code below the midpoint is its index: from an odd one a tie goes up.
    (code, midpoint, below) => code + (place > 4 * midpoint || (place === 4 * midpoint && below % 2 === 1) ? 1 : 0),
    0,
  ),
);

/**
 * ggml's codes, even weights in high nibbles, of weights [begin, begin + count).
 * @param scale of a code of magnitude 1; a small float, so that quotients at a midpoint are exact
 */
export function encodeNearest(
  weights: Float32Array,
  begin: number,
  count: number,
  scale: number,
  out: Uint8Array,
  at: number,
): void {
  const down = DOWN;
  if (scale === 0) {
    out.fill(0, at, at + count / 2);
    return;
  }
  for (let i = 0; i < count; i += 2) {
    const first = (weights[begin + i] as number) * 4;
    const second = (weights[begin + i + 1] as number) * 4;
    const a = down[Math.min(Math.ceil(Math.abs(first) / scale), 63)] as number;
    const b = down[Math.min(Math.ceil(Math.abs(second) / scale), 63)] as number;
    const high = a !== 0 && first < 0 ? a + 8 : a;
    out[at + (i >> 1)] = (high << 4) | (b !== 0 && second < 0 ? b + 8 : b);
  }
}

/** ComfyUI's codes, even weights in high nibbles. @param scale f32; 0 gives codes of 0 */
export function encodeEven(
  weights: Float32Array,
  begin: number,
  count: number,
  scale: number,
  out: Uint8Array,
  at: number,
): void {
  for (let i = 0; i < count; i += 2) {
    const high = evenCode(weights[begin + i] as number, scale);
    out[at + (i >> 1)] = (high << 4) | evenCode(weights[begin + i + 1] as number, scale);
  }
}

function evenCode(weight: number, scale: number): number {
  if (scale === 0) return 0;
  const quotient = Math.fround(weight / scale);
  const quarters = Math.min(Math.abs(quotient) * 4, 24);
  const code = EVEN[Math.floor(quarters) + Math.ceil(quarters)] as number;
  return quotient < 0 || Object.is(quotient, -0) ? code | 8 : code;
}
