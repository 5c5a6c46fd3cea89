/** What a run will take, from what runs like it took. Pure. */
import type { Pace } from '../../store/paces-repo.js';
import { median, stepMedian } from '../../compare/statistics/medians.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

const isOf = ({ width, height }: Size) => {
  return (pace: Size): boolean => pace.width === width && pace.height === height;
};

function present(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

/** Seconds of a step in earlier runs of exactly this size; null where there are none. */
export function usualStepSeconds(paces: readonly Pace[], size: Size): number | null {
  return median(present(paces.filter(isOf(size)).map(({ stepSeconds }) => stepMedian(stepSeconds))));
}

/**
 * Seconds of a whole run: the median over earlier ones, each with its own fixed part and its steps. Those of the same
 * size count where there are any, else steps are taken by the pixels.
 * @returns null where nothing like it was made
 */
export function expectedSeconds(paces: readonly Pace[], settings: Size & { readonly steps: number }): number | null {
  const same = paces.filter(isOf(settings));
  const used = same.length > 0 ? same : paces;
  return median(
    present(
      used.map(({ width, height, totalSeconds, stepSeconds }) => {
        const step = stepMedian(stepSeconds);
        if (step === null) return null;
        const fixed = Math.max(0, totalSeconds - stepSeconds.reduce((sum, seconds) => sum + seconds, 0));
        return fixed + step * settings.steps * ((settings.width * settings.height) / (width * height));
      }),
    ),
  );
}

/** Seconds that a decode in tiles takes more than the whole one at this size; null until both were seen. */
export function tilesSeconds(paces: readonly Pace[], size: Size): number | null {
  const of = (mode: Pace['decodeMode']): number | null =>
    median(
      present(paces.filter((pace) => isOf(size)(pace) && pace.decodeMode === mode).map((pace) => pace.decodeSeconds)),
    );
  const [whole, tiles] = [of('whole'), of('tiles')];
  return whole === null || tiles === null ? null : Math.max(0, tiles - whole);
}
