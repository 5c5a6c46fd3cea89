/** Smaller choices for a run that ran out of memory. */
import { AppError } from '../../base/app-error.js';
import {
  QUANTIZED_COMPONENTS,
  stageSchema,
  FORMAT_FACTS,
  isLossy,
  isWeightFormat,
  type ComponentFormat,
} from '../../contract/formats.js';
import type { RunSettings } from '../../contract/generation-settings.js';
import type { RunDetail } from '../../contract/run.js';
import type { SmallerChange, SmallerChoice, SmallerChoices } from '../../contract/smaller-choice.js';
import type { Store } from '../../store/store.js';
import type { ComparisonService, Started } from './comparison-service.js';
import { settingsKey, variantSettingsKey } from './pair-runs.js';
import { fitOf, type EstimateService } from '../runs/estimate-service.js';
import { expectedSeconds, tilesSeconds } from '../runs/pace.js';
import type { PackService } from '../packs/pack-service.js';
import { bytesIn, nextSmaller, rankChoices, withChange } from '../runs/smaller-choices.js';
import type { WeightErrorService } from './weight-error-service.js';

export interface SmallerServiceParts {
  readonly store: Store;
  readonly packs: PackService;
  readonly comparisons: ComparisonService;
  readonly estimates: EstimateService;
  readonly weightErrors: WeightErrorService;
}

export class SmallerService {
  readonly #parts: SmallerServiceParts;

  constructor(parts: SmallerServiceParts) {
    this.#parts = parts;
  }

  /** @throws AppError run.not-found, run.not-resumable when it did not run out of memory, pack.* */
  async choices(runId: string): Promise<SmallerChoices> {
    const { packs, estimates } = this.#parts;
    const run = this.#failed(runId);
    const { settings } = run;
    const { limits } = await packs.usable(settings.packId);
    const parsed = stageSchema.safeParse(run.error?.details['stage']);
    const stage = parsed.success ? parsed.data : null;
    const before = await estimates.details(settings, { fresh: true });
    const { freeBytes } = before;
    const there = new Set(this.#siblings(run).map((other) => settingsKey(other.settings)));
    const choices: SmallerChoice[] = [];
    const add = async (change: SmallerChange): Promise<void> => {
      const changed = withChange(settings, change);
      if (there.has(settingsKey(changed))) return;
      const after = await estimates.details(changed);
      choices.push({
        change,
        needsBytes: after.peakBytes,
        fit: fitOf(after, freeBytes, changed),
        savedBytes: Math.max(0, bytesIn(stage, before) - bytesIn(stage, after)),
        weightErrors: this.#weightErrors(settings, changed),
        ...this.#seconds(settings, changed),
      });
    };
    for (const change of nextSmaller(settings, limits.minSize)) await add(change);
    // If no single step fits, offer the most precise formats that do.
    if (freeBytes !== null && !choices.some(({ savedBytes, fit }) => savedBytes > 0 && fit !== 'too-big')) {
      const formats = await estimates.alternative(settings, freeBytes);
      if (formats !== null) await add({ kind: 'formats', formats });
    }
    return { stage, needsBytes: before.peakBytes, freeBytes, choices: rankChoices(choices) };
  }

  /**
   * Adds the run's variant with the change to its comparison: every picture of it that ran out of memory.
   * @throws AppError as `choices`, engine.request-invalid
   */
  async make(runId: string, change: SmallerChange): Promise<Started> {
    const run = this.#failed(runId);
    return this.#parts.comparisons.append(run.comparisonId, () => {
      const siblings = this.#siblings(run);
      const variant = variantSettingsKey(run.settings);
      const there = new Set(siblings.map(({ settings }) => settingsKey(settings)));
      const cells = siblings
        .filter((other) => isOutOfMemory(other) && variantSettingsKey(other.settings) === variant)
        .map(({ settings, repeat }) => ({ settings: withChange(settings, change), repeat }))
        .filter(({ settings }) => !there.has(settingsKey(settings)));
      if (cells.length > 0) return cells;
      throw new AppError('run.not-resumable', 'The comparison already has this picture.', {
        remedy: 'Look for it among the others.',
      });
    });
  }

  #failed(runId: string): RunDetail {
    const run = this.#parts.comparisons.run(runId);
    if (isOutOfMemory(run)) return run;
    throw new AppError('run.not-resumable', 'This picture did not run out of memory.', {
      remedy: 'Resume the comparison, or make a new one in the studio.',
    });
  }

  #siblings({ comparisonId }: RunDetail): RunDetail[] {
    return this.#parts.store.runs.ofComparison(comparisonId);
  }

  #weightErrors(before: RunSettings, after: RunSettings): SmallerChoice['weightErrors'] {
    return QUANTIZED_COMPONENTS.filter((component) => before.formats[component] !== after.formats[component]).map(
      (component) => {
        const known = this.#parts.weightErrors.known({ ...before, component })?.overall;
        // A mix has no smaller step, so only uniform formats differ.
        const errorOf = (format: ComponentFormat): number => {
          if (!isWeightFormat(format) || !isLossy(format)) return 0;
          return known?.[format] ?? FORMAT_FACTS[format].normalError;
        };
        return {
          component,
          before: errorOf(before.formats[component]),
          after: errorOf(after.formats[component]),
          measured: known !== undefined,
        };
      },
    );
  }

  #seconds(before: RunSettings, after: RunSettings): Pick<SmallerChoice, 'seconds' | 'secondsMore'> {
    const { paces } = this.#parts.store;
    const earlier = paces.like(before);
    const asBefore = expectedSeconds(earlier, before);
    if (after.decode === 'tiles' && before.decode !== 'tiles') {
      const secondsMore = tilesSeconds(earlier, before);
      return { secondsMore, seconds: asBefore === null || secondsMore === null ? null : asBefore + secondsMore };
    }
    const seconds = expectedSeconds(paces.like(after), after);
    return { seconds, secondsMore: seconds === null || asBefore === null ? null : seconds - asBefore };
  }
}

function isOutOfMemory({ status, error }: RunDetail): boolean {
  return status === 'failed' && error?.code === 'engine.out-of-memory';
}
