/** The table under a comparison, and heat maps. Pixel work is done once per pair and kept. */
import { AppError } from '../base/app-error.js';
import type { CompareRow, CompareTable, PictureDifference } from '../contract/compare-data.js';
import { differingFields } from '../contract/generation-settings.js';
import type { RunDetail } from '../contract/run.js';
import type { Store } from '../store/store.js';
import type { PictureLab } from './picture-lab.js';

/** A difference has six numbers: kept for every pair of a night's comparison. */
const KEPT_DIFFERENCES = 5000;
/** A heat map has up to 2 MB: kept for the panes on screen and a few before. */
const KEPT_HEAT_MAPS = 24;

const minus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a - b);

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Median seconds of a step; the first, which warms up, is left out where there are others. */
export function stepMedian(stepSeconds: readonly number[]): number | null {
  return median(stepSeconds.length > 1 ? stepSeconds.slice(1) : stepSeconds);
}

class Kept<T> {
  readonly #map = new Map<string, T>();
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
  }
  get(key: string): T | undefined {
    return this.#map.get(key);
  }
  set(key: string, value: T): void {
    this.#map.set(key, value);
    const [oldest] = this.#map.keys();
    if (this.#map.size > this.#limit && oldest !== undefined) this.#map.delete(oldest);
  }
}

export class CompareService {
  readonly #store: Store;
  readonly #lab: PictureLab;
  readonly #differences = new Kept<PictureDifference | null>(KEPT_DIFFERENCES);
  readonly #heatMaps = new Kept<Uint8Array>(KEPT_HEAT_MAPS);

  constructor(store: Store, lab: PictureLab) {
    this.#store = store;
    this.#lab = lab;
  }

  /** One row per run, in their order. @throws AppError run.not-found */
  async table(referenceRunId: string, runIds: readonly string[]): Promise<CompareTable> {
    const reference = this.#finished(referenceRunId);
    const rows: CompareRow[] = [];
    const sources = new Set<string>();
    for (const runId of runIds) {
      const run = this.#finished(runId);
      const difference = await this.#difference(reference, run);
      for (const phase of run.result?.phases ?? []) sources.add(phase.deviceSource ?? phase.hostSource);
      rows.push({
        runId,
        difference,
        note:
          difference === null
            ? `The reference is ${reference.width}×${reference.height}, this picture ${run.width}×${run.height}: pixels cannot be compared.`
            : null,
        differingFields: differingFields(reference.settings, run.settings),
        loadBytes: run.loadBytes,
        loadDelta: minus(run.loadBytes, reference.loadBytes),
        peakBytes: run.peakBytes,
        peakDelta: minus(run.peakBytes, reference.peakBytes),
        totalSeconds: run.totalSeconds,
        secondsDelta: minus(run.totalSeconds, reference.totalSeconds),
        stepSeconds: stepMedian(run.result?.stepSeconds ?? []),
        identityScore: run.identityScore,
        identityDelta: minus(run.identityScore, reference.identityScore),
      });
    }
    return { referenceRunId, rows, memorySources: [...sources] };
  }

  /** PNG of a run's difference from a reference. @throws AppError run.not-found, image.unreadable */
  async heatMap(referenceRunId: string, runId: string): Promise<Uint8Array> {
    const key = `${referenceRunId}.${runId}`;
    const kept = this.#heatMaps.get(key);
    if (kept !== undefined) return kept;
    const { files } = this.#store;
    const png = await this.#lab.run<'heat-map'>({
      kind: 'heat-map',
      reference: files.picture(this.#finished(referenceRunId).id),
      path: files.picture(this.#finished(runId).id),
    });
    if (png === null) {
      throw new AppError('image.unreadable', 'The two pictures have different sizes.', {
        remedy: 'Choose a reference of the same size.',
      });
    }
    this.#heatMaps.set(key, png);
    return png;
  }

  async #difference(reference: RunDetail, run: RunDetail): Promise<PictureDifference | null> {
    if (reference.width !== run.width || reference.height !== run.height) return null;
    const key = `${reference.id}.${run.id}`;
    const kept = this.#differences.get(key);
    if (kept !== undefined) return kept;
    const { files } = this.#store;
    const difference = await this.#lab.run<'difference'>({
      kind: 'difference',
      reference: files.picture(reference.id),
      path: files.picture(run.id),
    });
    this.#differences.set(key, difference);
    return difference;
  }

  #finished(runId: string): RunDetail {
    const run = this.#store.runs.get(runId);
    if (run?.status !== 'done') {
      throw new AppError('run.not-found', 'A picture of this comparison is not there (any more).', {
        remedy: 'Choose finished pictures.',
        details: { runId },
      });
    }
    return run;
  }
}
