/** Rounds to the nearest integer, ties to the even one, as C's `lrint` and numpy's `round` do. NaN stays NaN. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
