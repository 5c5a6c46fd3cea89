/** Numbers for people: with a minus sign (U+2212) and binary units. */

export const GIB = 2 ** 30;
/** For a value that was not measured. */
export const MISSING = '–';
const MIB = 2 ** 20;
/** Smaller values are written in MiB. */
const SMALLEST_GIB = 0.1 * GIB;

const withMinus = (text: string): string => text.replace('-', '−');

/** Fixed decimals; a value that rounds to zero has no sign. */
export function plain(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return withMinus(Number(text) === 0 ? text.replace('-', '') : text);
}

/** Like {@link plain} with a plus sign. */
export function signed(value: number, digits: number): string {
  const text = plain(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** GiB with two decimals, without the unit. */
export const gib = (bytes: number | null): string => (bytes === null ? MISSING : plain(bytes / GIB, 2));

/** A change of memory, such as `−2.4 GiB`. */
export function signedBytes(bytes: number): string {
  return Math.abs(bytes) >= SMALLEST_GIB ? `${signed(bytes / GIB, 1)} GiB` : `${signed(bytes / MIB, 1)} MiB`;
}

/** Decimals up to the first digit of the uncertainty, 3 to 6. */
function digitsOf(halfWidth: number | null): number {
  if (halfWidth === null || halfWidth === 0) return 3;
  return Math.min(6, Math.max(3, Math.ceil(-Math.log10(halfWidth))));
}

interface Uncertain {
  readonly mean: number;
  readonly halfWidth: number | null;
}

/** `−0.004 ± 0.006`, or without `±` where the uncertainty is unknown. */
export function uncertain({ mean, halfWidth }: Uncertain, sign = true): string {
  const digits = digitsOf(halfWidth);
  const value = sign ? signed(mean, digits) : plain(mean, digits);
  return halfWidth === null ? value : `${value} ± ${plain(halfWidth, digits)}`;
}

/** A probability: two significant digits, never 0. */
export function probability(p: number): string {
  if (p < 0.001) return 'p < 0.001';
  return `p = ${p >= 0.1 ? p.toFixed(2) : p >= 0.01 ? p.toFixed(3) : p.toFixed(4)}`;
}
