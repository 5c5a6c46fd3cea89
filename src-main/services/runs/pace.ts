/** Expected seconds of a run, from similar runs. */
import { median, present, stepMedian } from '../../compare/statistics/medians.js';
import type { RunSettings } from '../../contract/generation-settings.js';
import type { Pace } from '../../store/paces-repo.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

const isOf = ({ width, height }: Size) => {
  return (pace: Size): boolean => pace.width === width && pace.height === height;
};

/** Seconds of a step in earlier runs of this size; null without any. */
export function usualStepSeconds(paces: readonly Pace[], size: Size): number | null {
  return median(present(paces.filter(isOf(size)).map(({ stepSeconds }) => stepMedian(stepSeconds))));
}

/**
 * Seconds of a whole run: the median over earlier runs of the fixed part plus the steps. Runs of the same size are used if
 * there are any, else steps are scaled by the pixels.
 * @returns null without similar runs
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

/** Extra seconds of a decode in tiles over a whole one at this size; null until both were measured. */
export function tilesSeconds(paces: readonly Pace[], size: Size): number | null {
  const of = (mode: Pace['decodeMode']): number | null =>
    median(
      present(paces.filter((pace) => isOf(size)(pace) && pace.decodeMode === mode).map((pace) => pace.decodeSeconds)),
    );
  const [whole, tiles] = [of('whole'), of('tiles')];
  return whole === null || tiles === null ? null : Math.max(0, tiles - whole);
}

/** Time left of queued and running runs. Asked ten times a second, so paces are read once per finished run. */
export class TimeLeft {
  readonly #like: (settings: RunSettings) => readonly Pace[];
  readonly #read = new Map<string, readonly Pace[]>();
  #last: readonly Pace[] = [];

  /** @param like finished runs similar to one, those of its size first */
  constructor(like: (settings: RunSettings) => readonly Pace[]) {
    this.#like = like;
  }

  /** Call when a run has finished. Runs without a similar one are expected to take as long as this one. */
  finished(settings: RunSettings): void {
    this.#read.clear();
    this.#last = this.#paces(settings);
  }

  /** Seconds of a whole run; null where unknown. */
  whole(settings: RunSettings): number | null {
    const paces = this.#paces(settings);
    return expectedSeconds(paces.length > 0 ? paces : this.#last, settings);
  }

  /**
   * Seconds left of a running run, by its own pace while denoising, else by earlier runs.
   *
   * @param denoise steps done, and seconds since the first step began; null in other stages
   */
  running(
    settings: RunSettings,
    elapsedSeconds: number,
    denoise: { readonly stepsDone: number; readonly seconds: number } | null,
  ): number | null {
    if (denoise !== null && denoise.stepsDone > 0) {
      return (denoise.seconds / denoise.stepsDone) * Math.max(0, settings.steps - denoise.stepsDone);
    }
    const whole = this.whole(settings);
    return whole === null ? null : Math.max(0, whole - elapsedSeconds);
  }

  #paces(settings: RunSettings): readonly Pace[] {
    const { packId, provider, deviceId, modelVariant, formats, identityId, width, height } = settings;
    const key = JSON.stringify([packId, provider, deviceId, modelVariant, formats, identityId === null, width, height]);
    const known = this.#read.get(key) ?? this.#like(settings);
    this.#read.set(key, known);
    return known;
  }
}
