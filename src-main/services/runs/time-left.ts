/** Guesses seconds from what runs took before: per variant and size, a fixed part and a part per step. */
import { variantKey } from '../../contract/formats.js';
import type { RunSettings } from '../../contract/generation-settings.js';

interface Rate {
  readonly fixedSeconds: number;
  readonly stepSeconds: number;
  readonly pixels: number;
}

function keyOf(settings: RunSettings): string {
  return [settings.packId, settings.provider, settings.width, settings.height, variantKey(settings.formats)].join('|');
}

export class TimeLeft {
  readonly #rates = new Map<string, Rate>();
  #last: Rate | null = null;

  /** Learns from a finished run. */
  learn(settings: RunSettings, totalSeconds: number, stepSeconds: readonly number[]): void {
    const inSteps = stepSeconds.reduce((sum, seconds) => sum + seconds, 0);
    const rate: Rate = {
      fixedSeconds: Math.max(0, totalSeconds - inSteps),
      stepSeconds: stepSeconds.length === 0 ? 0 : inSteps / stepSeconds.length,
      pixels: settings.width * settings.height,
    };
    this.#rates.set(keyOf(settings), rate);
    this.#last = rate;
  }

  /** Seconds of a whole run; null before anything was learnt. Another size counts by its pixels. */
  whole(settings: RunSettings): number | null {
    const rate = this.#rates.get(keyOf(settings)) ?? this.#last;
    if (rate === null) return null;
    const scale = (settings.width * settings.height) / rate.pixels;
    return rate.fixedSeconds + rate.stepSeconds * scale * settings.steps;
  }

  /**
   * Seconds left of a run under way. While denoising the run's own pace counts, else what was learnt.
   *
   * @param denoise steps done and seconds since the first began; null in other stages
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
}
