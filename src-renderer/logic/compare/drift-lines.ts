/** Lines of the drift chart, in chart units. */

export interface DriftLine {
  readonly name: string;
  readonly chosen: boolean;
  /** SVG points. */
  readonly points: string;
  /** Drift after the last step. */
  readonly last: number;
  readonly y: number;
}

export interface DriftScale {
  /** Drift at the top of the chart, a round number. */
  readonly top: number;
  readonly marks: readonly number[];
}

/** Scale that ends at the next 1, 2 or 5 times a power of ten at or above the largest value. */
export function driftScale(values: readonly number[]): DriftScale {
  const largest = Math.max(0, ...values);
  if (largest === 0) return { top: 1, marks: [0, 1] };
  const power = 10 ** Math.floor(Math.log10(largest));
  const top = ([1, 2, 5, 10].find((factor) => factor * power >= largest) ?? 10) * power;
  return { top, marks: [0, top / 2, top] };
}

/** Lines in a box of `width` by `height`: step 1 on the left, drift 0 at the bottom. */
export function driftLines(
  variants: readonly { readonly name: string; readonly chosen: boolean; readonly drift: readonly number[] }[],
  top: number,
  width: number,
  height: number,
): DriftLine[] {
  return variants.map(({ name, chosen, drift }) => {
    const x = (step: number): number => (drift.length < 2 ? 0 : (step / (drift.length - 1)) * width);
    const y = (value: number): number => height - (value / top) * height;
    const last = drift.at(-1) ?? 0;
    return {
      name,
      chosen,
      points: drift.map((value, step) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' '),
      last,
      y: y(last),
    };
  });
}
