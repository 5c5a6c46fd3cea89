/**
 * Makes a run, and once more when memory ran out: the engine process ends first, so that nothing is held, neither by
 * it nor by what it kept for the next run. Want of memory is often another program's doing and over a moment later.
 */
import { AppError, isAbort, throwIfAborted } from '../../base/app-error.js';
import { stageSchema } from '../../contract/formats.js';
import type { MemorySign, RunDetail } from '../../contract/run.js';
import type { EngineProgress } from '../../engine/protocol.js';
import type { Store } from '../../store/store.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { EstimateService } from './estimate-service.js';
import type { Log } from '../host/log.js';
import { asOutOfMemory, memorySign, readOomKills, type Circumstances } from '../engine/memory-signs.js';
import type { MadeRun, RunMaker } from './run-maker.js';

export interface SecondTryParts {
  readonly store: Pick<Store, 'runs'>;
  readonly maker: Pick<RunMaker, 'make'>;
  readonly engine: Pick<EngineClient, 'restart'>;
  readonly estimates: Pick<EstimateService, 'estimate'>;
  readonly log: Log;
  readonly now: () => number;
  /** For tests; default the kernel's. */
  readonly oomKills?: () => number | null;
}

const STARTED_AGAIN: EngineProgress = {
  stage: 'load',
  fraction: 0,
  step: null,
  steps: null,
  message: 'Memory ran out; the engine is started again',
  previewPng: null,
};

export class SecondTry {
  readonly #parts: SecondTryParts;

  constructor(parts: SecondTryParts) {
    this.#parts = parts;
  }

  /**
   * @param onProgress is told which try it is
   * @throws AppError engine.out-of-memory when both tries ran out of memory, and what `RunMaker.make` throws
   */
  async make(
    run: RunDetail,
    signal: AbortSignal,
    onProgress: (progress: EngineProgress, retrying: boolean) => void,
  ): Promise<MadeRun> {
    const first = await this.#try(run, signal, (progress) => onProgress(progress, false));
    if ('made' in first) return first.made;
    const { error, sign } = first;
    const { store, log, now } = this.#parts;
    const stage = stageSchema.safeParse(error.details['stage']);
    log.write('warn', 'Memory ran out; the run is tried once more.', { runId: run.id, message: error.message });
    store.runs.noteRetry(run.id, {
      sign,
      stage: stage.success ? stage.data : null,
      message: error.message,
      atMs: now(),
    });
    onProgress(STARTED_AGAIN, true);
    throwIfAborted(signal);
    const second = await this.#try(run, signal, (progress) => onProgress(progress, true));
    if ('made' in second) return second.made;
    throw second.error;
  }

  /** The run, or want of memory after which nothing is held any more. Other failures are thrown. */
  async #try(
    run: RunDetail,
    signal: AbortSignal,
    onProgress: (progress: EngineProgress) => void,
  ): Promise<{ readonly made: MadeRun } | { readonly error: AppError; readonly sign: MemorySign }> {
    const { maker, engine, oomKills = readOomKills } = this.#parts;
    const oomKillsBefore = oomKills();
    try {
      return { made: await maker.make(run, signal, onProgress) };
    } catch (error) {
      if (isAbort(error) || !(error instanceof AppError)) throw error;
      const fit = error.code === 'engine.crashed' ? await this.#fit(run) : null;
      const sign = memorySign(error, { oomKillsBefore, oomKillsAfter: oomKills(), fit });
      if (sign === null) throw error;
      await engine.restart();
      return { error: asOutOfMemory(error, sign), sign };
    }
  }

  /** Whether the run's memory would do; null where the estimate cannot be had, which is logged. */
  async #fit({
    settings: { packId, provider, modelVariant, width, height, formats },
  }: RunDetail): Promise<Circumstances['fit']> {
    try {
      const input = { packId, provider, modelVariant, width, height, variants: [formats] };
      return (await this.#parts.estimates.estimate(input)).variants[0]?.fit ?? null;
    } catch (error) {
      if (!isAbort(error)) this.#parts.log.error('The memory of a run that ended could not be estimated.', error);
      return null;
    }
  }
}
