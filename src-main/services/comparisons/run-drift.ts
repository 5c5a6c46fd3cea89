/**
 * How far each run of a comparison leaves the path of the first variant's run of its seed and prompt. That variant is
 * made first; its latents lie in the work folder until nothing of the comparison is left to be made.
 */
import { existsSync } from 'node:fs';
import { variantKey } from '../../contract/formats.js';
import { isAbort } from '../../base/app-error.js';
import type { RunDetail } from '../../contract/run.js';
import type { Store } from '../../store/store.js';
import type { Log } from '../host/log.js';
import type { PictureLab } from '../pictures/picture-lab.js';

export class RunDrift {
  readonly #store: Store;
  readonly #lab: PictureLab;
  readonly #log: Pick<Log, 'error'>;

  constructor(store: Store, lab: PictureLab, log: Pick<Log, 'error'>) {
    this.#store = store;
    this.#lab = lab;
    this.#log = log;
  }

  /** Where the engine is to leave the run's latents; undefined in a comparison with nothing to compare. */
  folder(run: RunDetail): string | undefined {
    const variants = new Set(this.#siblings(run).map(({ formats }) => variantKey(formats)));
    return variants.size > 1 ? this.#store.files.latents(run.id) : undefined;
  }

  /**
   * Measures a finished run where the other path is still there, then deletes latents that nobody will be measured
   * against any more. Call when a run has ended, however it did. A failure costs the chart, not the picture: it is
   * logged.
   */
  async ended(run: RunDetail): Promise<void> {
    try {
      const siblings = this.#siblings(run);
      const base = baseOf(run, siblings);
      if (this.#store.runs.status(run.id) === 'done') await this.#measure(run, base);
      await this.#clear(run, base, siblings);
    } catch (error) {
      if (!isAbort(error)) this.#log.error('The drift of a run could not be measured.', error);
    }
  }

  async #measure(run: RunDetail, base: RunDetail | undefined): Promise<void> {
    const { files, differences } = this.#store;
    if (base === undefined || base.id === run.id) return;
    const [folder, reference] = [files.latents(run.id), files.latents(base.id)];
    if (!existsSync(folder) || !existsSync(reference)) return;
    const drift = await this.#lab.run<'drift'>({ kind: 'drift', folder, reference, steps: run.settings.steps });
    if (drift !== null) differences.saveDrift(base.id, run.id, drift);
  }

  async #clear(run: RunDetail, base: RunDetail | undefined, siblings: readonly RunDetail[]): Promise<void> {
    const { files } = this.#store;
    const going = siblings.some(({ id, status }) => id !== run.id && (status === 'queued' || status === 'running'));
    if (!going) for (const { id } of siblings) await files.removeLatents(id);
    else if (base?.id !== run.id) await files.removeLatents(run.id);
  }

  #siblings(run: RunDetail): RunDetail[] {
    return this.#store.runs.ofComparison(run.comparisonId);
  }
}

/** The first variant's run of the same seed and prompt. */
function baseOf(run: RunDetail, siblings: readonly RunDetail[]): RunDetail | undefined {
  const first = siblings[0];
  return siblings.find(
    ({ formats, settings }) =>
      first !== undefined &&
      variantKey(formats) === variantKey(first.formats) &&
      settings.seed === run.settings.seed &&
      settings.prompt === run.settings.prompt,
  );
}
