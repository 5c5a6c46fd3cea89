/** Comparisons: created from the studio's form, repeated, resumed, read. */
import { AppError } from '../../base/app-error.js';
import type { Comparison, ComparisonStatus } from '../../contract/comparison.js';
import { variantName, type FormatChoice } from '../../contract/formats.js';
import { type ComparisonDraft, type MissingPart, type RunSettings } from '../../contract/generation-settings.js';
import { MAX_CELLS } from '../../contract/limits.js';
import type { DetectedFaces } from '../../contract/photo.js';
import type { RunDetail } from '../../contract/run.js';
import type { Store } from '../../store/store.js';
import { newId } from '../support/ids.js';
import type { PackService } from '../packs/pack-service.js';
import type { PhotoService } from '../pictures/photo-service.js';
import { variantSettingsKey, settingsKey } from './pair-runs.js';
import { cellsOf, planRuns } from './plan-runs.js';
import type { RunQueue } from '../runs/run-queue.js';
import type { SettingsService } from '../support/settings-service.js';

export interface ComparisonServiceParts {
  readonly store: Store;
  readonly queue: RunQueue;
  readonly packs: PackService;
  readonly photos: PhotoService;
  readonly settings: Pick<SettingsService, 'device'>;
  readonly now: () => number;
}

export interface Started {
  readonly comparisonId: string;
  readonly runIds: string[];
}

/** A picture to be made. */
export interface Cell {
  readonly settings: RunSettings;
  readonly repeat: number;
}

/** Characters of a title, which is the start of the prompt. */
const TITLE_LENGTH = 60;

function statusOf(runs: readonly RunDetail[]): ComparisonStatus {
  if (runs.some((run) => run.status === 'running')) return 'running';
  if (runs.some((run) => run.status === 'queued')) return 'queued';
  return runs.every((run) => run.status === 'done') ? 'finished' : 'partial';
}

function titleOf(prompt: string): string {
  const line = prompt.replace(/\s+/g, ' ').trim();
  return line.length <= TITLE_LENGTH ? line : `${line.slice(0, TITLE_LENGTH - 1)}…`;
}

export class ComparisonService {
  readonly #parts: ComparisonServiceParts;

  constructor(parts: ComparisonServiceParts) {
    this.#parts = parts;
  }

  /** @throws AppError pack.*, engine.request-invalid, run.not-found (a photo) */
  async create(draft: ComparisonDraft): Promise<Started> {
    const device = this.#parts.settings.device(draft.provider);
    return this.start(cellsOf(draft).map(({ settings, repeat }) => ({ settings: { ...settings, ...device }, repeat })));
  }

  get(comparisonId: string): Comparison {
    const head = this.#head(comparisonId);
    const runs = this.#parts.store.runs.ofComparison(comparisonId);
    const reference = runs.find((run) => run.id === head.referenceRunId) ?? runs[0];
    return {
      id: head.id,
      title: head.title,
      createdAtMs: head.createdAtMs,
      status: statusOf(runs),
      referenceRunId: reference?.id ?? null,
      runs,
    };
  }

  rename(comparisonId: string, title: string): void {
    this.#head(comparisonId);
    this.#parts.store.comparisons.rename(comparisonId, title);
    this.#parts.queue.changed();
  }

  setReference(comparisonId: string, runId: string): void {
    this.#head(comparisonId);
    if (!this.#parts.store.comparisons.setReference(comparisonId, runId)) throw notFound();
  }

  cancel(comparisonId: string): void {
    this.#parts.queue.cancel(this.get(comparisonId).runs.map((run) => run.id));
  }

  /** @throws AppError run.not-resumable when there is nothing to resume */
  resume(comparisonId: string): Started {
    const { runs } = this.get(comparisonId);
    const runIds = this.#parts.queue.requeue(
      comparisonId,
      runs.map((run) => run.id),
    );
    if (runIds.length === 0) {
      throw new AppError('run.not-resumable', 'Every picture of this comparison is done, queued or running.', {
        remedy: 'Repeat the comparison to make it again.',
      });
    }
    return { comparisonId, runIds };
  }

  async repeat(comparisonId: string): Promise<Started> {
    const { runs } = this.get(comparisonId);
    return this.start(runs.map((run) => ({ settings: run.settings, repeat: run.repeat })));
  }

  /**
   * Adds the pictures of a run's variant in other formats: the same seeds, prompts and repeats, without existing ones.
   * @throws AppError run.not-found, pack.*; engine.request-invalid where there is nothing to add, or too much
   */
  async addVariant(comparisonId: string, runId: string, formats: FormatChoice): Promise<Started> {
    const missing = (): Cell[] => {
      const { runs } = this.get(comparisonId);
      const like = runs.find(({ id }) => id === runId);
      if (like === undefined) throw notFound();
      const there = new Set(runs.map(({ settings, repeat }) => `${settingsKey(settings)} ${repeat}`));
      const cells = runs
        .filter(({ settings }) => variantSettingsKey(settings) === variantSettingsKey(like.settings))
        .map(({ settings, repeat }) => ({ settings: { ...settings, formats }, repeat }))
        .filter(({ settings, repeat }) => !there.has(`${settingsKey(settings)} ${repeat}`));
      if (cells.length > 0) return cells;
      throw new AppError('engine.request-invalid', `The comparison already has ${variantName(formats)}.`, {
        remedy: 'Look for it among its pictures, or choose another budget.',
      });
    };
    return this.append(comparisonId, missing);
  }

  /**
   * Adds pictures to a comparison.
   * @param missing the pictures to add; called again after the check, since a second click may have added them. It throws
   *   when there are none
   * @throws AppError what `missing` throws, pack.*; engine.request-invalid for too many pictures
   */
  async append(comparisonId: string, missing: () => readonly Cell[]): Promise<Started> {
    const { store, queue, now } = this.#parts;
    await this.check(missing().map(({ settings }) => settings));
    const cells = missing();
    const { runs } = this.get(comparisonId);
    if (runs.length + cells.length > MAX_CELLS) {
      throw new AppError('engine.request-invalid', `A comparison holds at most ${MAX_CELLS} pictures.`, {
        remedy: 'Make a new comparison in the studio.',
      });
    }
    const added = planRuns(cells, newId);
    store.comparisons.add(comparisonId, added, now());
    queue.changed();
    return { comparisonId, runIds: added.map(({ id }) => id) };
  }

  run(runId: string): RunDetail {
    const run = this.#parts.store.runs.get(runId);
    if (run === null) throw notFound();
    return run;
  }

  async repeatRun(runId: string): Promise<Started> {
    return this.start([{ settings: this.run(runId).settings, repeat: 1 }]);
  }

  cancelRun(runId: string): void {
    this.run(runId);
    this.#parts.queue.cancel([runId]);
  }

  /** A form filled from a run, and its missing parts, which are left out. */
  draft(runId: string): { readonly draft: ComparisonDraft; readonly missing: MissingPart[] } {
    const { store, packs } = this.#parts;
    const { prompt, seed, formats, ...shared } = this.run(runId).settings;
    // The device comes from this machine's settings.
    delete shared.deviceId;
    const missing: MissingPart[] = [];
    const kept = (photoId: string | null, what: 'identity-photo' | 'pose-photo'): string | null => {
      if (photoId === null || store.photos.get(photoId) !== null) return photoId;
      missing.push({ what, name: '' });
      return null;
    };
    if (!packs.has(shared.packId)) missing.push({ what: 'pack', name: '' });
    const loras = shared.loras.filter(({ loraId, name }) => {
      if (store.loras.get(loraId) !== null) return true;
      missing.push({ what: 'lora', name });
      return false;
    });
    return {
      draft: {
        ...shared,
        loras,
        identityId: kept(shared.identityId, 'identity-photo'),
        poseId: kept(shared.poseId, 'pose-photo'),
        prompts: [prompt],
        seeds: [seed],
        variants: [formats],
        repeats: 1,
      },
      missing,
    };
  }

  /** Faces in a finished picture; detected once, then kept. */
  async faces(runId: string): Promise<DetectedFaces> {
    const { store, photos } = this.#parts;
    const run = this.run(runId);
    if (run.status !== 'done') throw notFound();
    const kept = store.runs.faces(runId);
    if (kept !== null) return kept;
    const faces = await photos.detectIn(store.files.picture(runId), run.settings.packId);
    store.runs.saveFaces(runId, faces);
    return faces;
  }

  /** Creates a comparison of these pictures; the first is the reference. @throws AppError as `create` */
  async start(cells: readonly Cell[]): Promise<Started> {
    const { store, queue, now } = this.#parts;
    const [first] = cells;
    if (first === undefined) throw notFound();
    await this.check(cells.map((cell) => cell.settings));
    const comparisonId = newId();
    const runs = planRuns(cells, newId);
    store.db.transaction(() => {
      store.comparisons.dismissFinished();
      store.comparisons.create(
        {
          id: comparisonId,
          title: titleOf(first.settings.prompt),
          createdAtMs: now(),
          referenceRunId: runs[0]?.id ?? null,
        },
        runs,
      );
    });
    queue.changed();
    return { comparisonId, runIds: runs.map((run) => run.id) };
  }

  /**
   * Checks the pack's limits, and that the photos exist.
   * @throws AppError pack.*, engine.request-invalid, run.not-found (a photo)
   */
  async check(all: readonly RunSettings[]): Promise<void> {
    const { packs, photos } = this.#parts;
    const distinct = new Map(
      all.map((s) => [[s.packId, s.modelVariant, s.width, s.height, s.steps, s.identityId, s.poseId].join('|'), s]),
    );
    for (const s of distinct.values()) {
      const pack = await packs.usable(s.packId);
      const { minSize, maxSize, maxSteps } = pack.limits;
      const problem = !pack.modelVariants.includes(s.modelVariant)
        ? `The pack "${pack.name}" has no variant "${s.modelVariant}"; it has ${pack.modelVariants.join(', ')}.`
        : Math.min(s.width, s.height) < minSize || Math.max(s.width, s.height) > maxSize
          ? `The pack "${pack.name}" makes pictures of ${minSize} to ${maxSize} pixels a side, not ${s.width}×${s.height}.`
          : s.steps > maxSteps
            ? `The pack "${pack.name}" takes at most ${maxSteps} steps, not ${s.steps}.`
            : null;
      if (problem !== null) {
        throw new AppError('engine.request-invalid', problem, { remedy: 'Change the setting and try again.' });
      }
      if (s.identityId !== null) photos.get(s.identityId);
      if (s.poseId !== null) photos.get(s.poseId);
    }
  }

  #head(comparisonId: string) {
    const head = this.#parts.store.comparisons.head(comparisonId);
    if (head === null) throw notFound();
    return head;
  }
}

function notFound(): AppError {
  return new AppError('run.not-found', 'This picture or comparison is no longer in the gallery.', {
    remedy: 'Look for it in the gallery; it may have been deleted.',
  });
}
