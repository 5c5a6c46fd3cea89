/** Compares recomputed tensors with the reference's, within limits. */

/** One row of a verification. */
export interface Check {
  readonly name: string;
  /** Kind of `error`. */
  readonly measure: Measure;
  readonly error: number;
  readonly limit: number;
  readonly pass: boolean;
  /** A remark, such as the residual factor of the reference. */
  readonly note: string | null;
}

export type Measure = 'relative L2' | 'max abs' | 'mean abs' | 'differing elements' | 'ratio';

type Numbers = ArrayLike<number>;

function check(name: string, measure: Measure, error: number, limit: number, note: string | null = null): Check {
  // NaN does not pass.
  return { name, measure, error, limit, pass: error <= limit, note };
}

/** ‖a − b‖ / ‖b‖; infinite when the lengths differ, absolute when b is zero. */
export function relativeL2(a: Numbers, b: Numbers): number {
  if (a.length !== b.length) return Infinity;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    const expected = b[i] as number;
    difference += ((a[i] as number) - expected) ** 2;
    size += expected ** 2;
  }
  return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
}

export function checkRelative(
  name: string,
  found: Numbers,
  expected: Numbers,
  limit: number,
  note: string | null = null,
): Check {
  return check(name, 'relative L2', relativeL2(found, expected), limit, note);
}

export function checkMaxAbs(name: string, found: Numbers, expected: Numbers, limit: number): Check {
  return check(name, 'max abs', aggregateAbs(found, expected, 'max'), limit);
}

export function checkMeanAbs(name: string, found: Numbers, expected: Numbers, limit: number): Check {
  return check(name, 'mean abs', aggregateAbs(found, expected, 'mean'), limit);
}

/** All elements must be equal. NaN equals NaN: some reference tables contain it. */
export function checkExact(name: string, found: Numbers, expected: Numbers): Check {
  if (found.length !== expected.length) return check(name, 'differing elements', Infinity, 0);
  let differing = 0;
  for (let i = 0; i < expected.length; i++)
    if (!Object.is(found[i], expected[i]) && found[i] !== expected[i]) differing++;
  return check(name, 'differing elements', differing, 0);
}

/** `error` over `reference`, at most 1. */
export function checkNoWorse(name: string, error: number, reference: number): Check {
  return check(name, 'ratio', error / reference, 1);
}

function aggregateAbs(found: Numbers, expected: Numbers, kind: 'max' | 'mean'): number {
  if (found.length !== expected.length) return Infinity;
  let max = 0;
  let sum = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((found[i] as number) - (expected[i] as number));
    if (Number.isNaN(difference)) return NaN;
    max = Math.max(max, difference);
    sum += difference;
  }
  return kind === 'max' ? max : sum / Math.max(1, expected.length);
}
