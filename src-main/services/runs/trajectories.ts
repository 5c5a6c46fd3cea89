/**
 * Trajectories of runs' latents, step by step, kept beside their pictures, so that any run can be compared with any other later:
 * 16 KiB a step (half a megabyte for 30 steps, 1.6 for the most that a run can have).
 */
import { existsSync } from 'node:fs';
import { isAbort } from '../../base/app-error.js';
import type { RunDetail } from '../../contract/run.js';
import type { Store } from '../../store/store.js';
import type { Log } from '../support/log.js';
import type { PictureLab } from '../pictures/picture-lab.js';

/** A run and the one it is measured against. */
export interface TrajectoryPair {
  readonly runId: string;
  readonly baseRunId: string;
}

export class Trajectories {
  readonly #store: Pick<Store, 'files' | 'runs'>;
  readonly #lab: PictureLab;
  readonly #log: Pick<Log, 'error'>;

  constructor(store: Pick<Store, 'files' | 'runs'>, lab: PictureLab, log: Pick<Log, 'error'>) {
    this.#store = store;
    this.#lab = lab;
    this.#log = log;
  }

  /** Where the engine is to leave the run's latents until it has ended. */
  folder(run: RunDetail): string {
    return this.#store.files.latents(run.id);
  }

  /**
   * Keeps the trajectory of a finished run and deletes its latents. Call when a run has ended, however it did. A failure costs
   * the chart, not the picture: it is logged.
   */
  async ended(run: RunDetail): Promise<void> {
    const { files, runs } = this.#store;
    try {
      const folder = files.latents(run.id);
      if (runs.status(run.id) === 'done' && existsSync(folder)) {
        const trajectory = await this.#lab.run<'trajectory'>({ kind: 'trajectory', folder, steps: run.settings.steps });
        await files.write(files.trajectory(run.id), trajectory);
      }
      await files.removeLatents(run.id);
    } catch (error) {
      if (!isAbort(error)) this.#log.error('The trajectory of a run could not be kept.', error);
    }
  }

  /** How far each run left its base's trajectory, by run and step. Without those whose trajectory could not be kept. */
  async drifts(pairs: readonly TrajectoryPair[]): Promise<Map<string, readonly number[]>> {
    const { files } = this.#store;
    const kept = pairs.filter(
      ({ runId, baseRunId }) => existsSync(files.trajectory(runId)) && existsSync(files.trajectory(baseRunId)),
    );
    if (kept.length === 0) return new Map();
    const drifts = await this.#lab.run<'drifts'>({
      kind: 'drifts',
      pairs: kept.map(({ runId, baseRunId }) => ({
        own: files.trajectory(runId),
        reference: files.trajectory(baseRunId),
      })),
    });
    return new Map(kept.flatMap(({ runId }, i) => (drifts[i] ? [[runId, drifts[i]] as const] : [])));
  }
}
