/** Makes a run, and once again after memory ran out, which is recorded with the run. See `try-twice.ts`. */
import { isAbort } from '../../base/app-error.js';
import type { RunDetail } from '../../contract/run.js';
import type { EngineProgress } from '../../engine/protocol.js';
import type { Store } from '../../store/store.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { Circumstances } from '../engine/memory-signs.js';
import type { Log } from '../support/log.js';
import type { EstimateService } from './estimate-service.js';
import type { MadeRun, RunMaker } from './run-maker.js';
import { tryTwice } from './try-twice.js';

export interface SecondTryParts {
  readonly store: Pick<Store, 'runs'>;
  readonly maker: Pick<RunMaker, 'make'>;
  readonly engine: Pick<EngineClient, 'restart'>;
  readonly estimates: Pick<EstimateService, 'estimate'>;
  readonly log: Log;
  readonly now: () => number;
  /** For tests; default the kernel's count. */
  readonly oomKills?: () => number | null;
}

export class SecondTry {
  readonly #parts: SecondTryParts;

  constructor(parts: SecondTryParts) {
    this.#parts = parts;
  }

  /**
   * @param onProgress `retrying`: whether it is the second try
   * @throws AppError engine.out-of-memory when both tries ran out of memory, and what `RunMaker.make` throws
   */
  async make(
    run: RunDetail,
    signal: AbortSignal,
    onProgress: (progress: EngineProgress, retrying: boolean) => void,
  ): Promise<MadeRun> {
    const { store, maker, engine, log, now, oomKills } = this.#parts;
    const { made } = await tryTwice({
      make: (report) => maker.make(run, signal, report),
      restart: () => engine.restart(),
      fit: () => this.#fit(run),
      onRanOut: (how) => {
        log.write('warn', 'Memory ran out; the run is tried again.', { runId: run.id, message: how.message });
        store.runs.noteRetry(run.id, { ...how, atMs: now() });
      },
      onProgress,
      oomKills,
    });
    return made;
  }

  /** Whether the run fits the free memory; null where the estimate fails, which is logged. */
  async #fit({
    settings: { packId, provider, modelVariant, width, height, decode, memoryLimit, formats },
  }: RunDetail): Promise<Circumstances['fit']> {
    try {
      const input = { packId, provider, modelVariant, width, height, decode, memoryLimit, variants: [formats] };
      return (await this.#parts.estimates.estimate(input)).variants[0]?.fit ?? null;
    } catch (error) {
      if (!isAbort(error)) this.#parts.log.error('The memory of a failed run could not be estimated.', error);
      return null;
    }
  }
}
