/** Trajectories of runs' latents by step, kept to compare any two runs later: 16 KiB a step, 1.6 MB at most. */
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

  /** Folder of the run's latents while it is running. */
  folder(run: RunDetail): string {
    return this.#store.files.latents(run.id);
  }

  /**
   * Keeps the trajectory of a finished run and deletes its latents. Call when a run has ended in any way. Failures are only
   * logged: they affect the chart, not the picture.
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
      if (!isAbort(error)) this.#log.error('The trajectory of a run could not be saved.', error);
    }
  }

  /** Drift of each run from its base, by run and step; without runs that have no trajectory. */
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
