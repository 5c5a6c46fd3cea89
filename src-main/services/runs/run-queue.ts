/**
 * Makes queued runs one after another and publishes their progress. Each result is saved before the next run begins, so that
 * a crash loses at most the running picture.
 */
import { AppError, isAbort } from '../../base/app-error.js';
import type { RunProgress } from '../../contract/comparison.js';
import type { ErrorDto } from '../../contract/error.js';
import type { RunDetail } from '../../contract/run.js';
import type { EngineProgress } from '../../engine/protocol.js';
import type { Store } from '../../store/store.js';
import type { EventHub } from '../support/event-hub.js';
import type { Log } from '../support/log.js';
import type { SecondTry } from './second-try.js';
import { throttle, type Throttle } from '../support/throttle.js';
import { TimeLeft } from './pace.js';

const PROGRESS_INTERVAL_MS = 100;
/** After so many crashes in a row another try will not help. */
const CRASHES_BEFORE_PAUSE = 2;

export interface RunQueueParts {
  readonly store: Store;
  readonly maker: Pick<SecondTry, 'make'>;
  readonly hub: EventHub;
  readonly log: Log;
  /** Called after each change of what the gallery shows. */
  readonly onGalleryChange: () => void;
  readonly now: () => number;
}

interface Current {
  readonly run: RunDetail;
  readonly abort: AbortController;
  /** Of the current try. */
  startedAtMs: number;
  denoiseAtMs: number | null;
  retrying: boolean;
}

export class RunQueue {
  readonly #parts: RunQueueParts;
  readonly #progress: Throttle<RunProgress>;
  readonly #timeLeft: TimeLeft;
  #current: Current | null = null;
  #pumping: Promise<void> | null = null;
  #paused = false;
  #problem: ErrorDto | null = null;
  /** The end of a run that the database could not record yet; recorded before the next run. */
  #unnoted: (() => void) | null = null;
  #stopping = false;
  #crashes = 0;
  /** Settings of queued runs, for the time left. */
  #waiting: RunDetail['settings'][] = [];

  constructor(parts: RunQueueParts) {
    this.#parts = parts;
    this.#timeLeft = new TimeLeft((settings) => parts.store.paces.like(settings));
    this.#progress = throttle(PROGRESS_INTERVAL_MS, (state) => parts.hub.publish('progress', state));
    parts.hub.publish('progress', null);
    this.changed();
  }

  /** Publishes the queue and starts the next run if there is one. */
  changed(): void {
    const entries = this.#parts.store.comparisons.queue();
    this.#parts.hub.publish('queue', {
      paused: this.#paused,
      problem: this.#problem,
      entries,
      runningRunId: this.#current?.run.id ?? null,
    });
    this.#waiting = this.#parts.store.runs.queuedSettings();
    this.#wake();
  }

  pause(): void {
    this.#paused = true;
    this.#problem = null;
    this.changed();
  }

  resume(): void {
    this.#paused = false;
    this.#problem = null;
    this.#crashes = 0;
    this.changed();
  }

  reorder(comparisonIds: readonly string[]): void {
    this.#parts.store.comparisons.reorder(comparisonIds);
    this.changed();
  }

  /** Removes a comparison with nothing left to do from the list. */
  dismiss(comparisonId: string): void {
    this.#parts.store.comparisons.dismiss(comparisonId);
    this.changed();
  }

  /** Cancels runs that are queued or running; others stay as they are. */
  cancel(runIds: readonly string[]): void {
    const { store } = this.#parts;
    store.db.transaction(() => {
      for (const runId of runIds) store.runs.move(runId, ['queued'], 'cancelled');
    });
    if (this.#current !== null && runIds.includes(this.#current.run.id)) this.#current.abort.abort();
    this.changed();
  }

  /** Queues runs again that ended without a picture. */
  requeue(comparisonId: string, runIds: readonly string[]): string[] {
    const { store } = this.#parts;
    const moved = store.db.transaction(() => {
      const ids = runIds.filter((id) => store.runs.move(id, ['failed', 'cancelled', 'interrupted'], 'queued'));
      if (ids.length > 0) store.comparisons.enqueue(comparisonId);
      return ids;
    });
    this.#crashes = 0;
    this.changed();
    return moved;
  }

  /** Resolves when nothing is running and nothing can start. */
  async idle(): Promise<void> {
    while (this.#pumping !== null) await this.#pumping;
  }

  /** Ends the running picture as `interrupted` and starts no other. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#current?.abort.abort();
    await this.idle();
  }

  #wake(): void {
    if (this.#pumping !== null || this.#paused || this.#stopping) return;
    // In a later turn, so that `#pumping` is set before the first run publishes and wakes the queue again.
    this.#pumping = Promise.resolve()
      .then(() => this.#pump())
      .catch((error: unknown) => {
        // The database could not record a run's start or end: further pictures would not be found.
        this.#paused = true;
        this.#problem = this.#parts.log.failure('The queue stopped.', error);
        this.changed();
      })
      .finally(() => {
        this.#pumping = null;
        // A run may have been queued meanwhile.
        if (!this.#paused && !this.#stopping && this.#parts.store.comparisons.nextQueued() !== null) this.#wake();
      });
  }

  async #pump(): Promise<void> {
    const { store } = this.#parts;
    while (!this.#paused && !this.#stopping) {
      this.#unnoted?.();
      this.#unnoted = null;
      const next = store.comparisons.nextQueued();
      const run = next === null ? null : store.runs.get(next.runId);
      if (run === null) return;
      await this.#make(run);
    }
  }

  async #make(run: RunDetail): Promise<void> {
    const { store, maker, hub, now, onGalleryChange } = this.#parts;
    const current: Current = {
      run,
      abort: new AbortController(),
      startedAtMs: now(),
      denoiseAtMs: null,
      retrying: false,
    };
    store.runs.move(run.id, ['queued'], 'running');
    this.#current = current;
    this.changed();
    try {
      await maker.make(run, current.abort.signal, (progress, retrying) => {
        if (this.#current !== current) return;
        if (retrying !== current.retrying) Object.assign(current, { retrying, denoiseAtMs: null, startedAtMs: now() });
        this.#progress.push(this.#state(current, progress));
      });
      this.#timeLeft.finished(run.settings);
      this.#crashes = 0;
    } catch (error) {
      this.#ended(run, error);
    } finally {
      this.#current = null;
      this.#progress.clear();
      hub.publish('progress', null);
      this.changed();
      onGalleryChange();
    }
  }

  #ended(run: RunDetail, error: unknown): void {
    const { store, log, now } = this.#parts;
    if (isAbort(error)) {
      const status = this.#stopping ? 'interrupted' : 'cancelled';
      this.#note(() => store.runs.move(run.id, ['running'], status));
      return;
    }
    const dto = log.failure('A run failed.', error);
    const endedAtMs = now();
    this.#note(() => store.runs.fail(run.id, dto, endedAtMs));
    if (!(error instanceof AppError)) return;
    if (error.code === 'engine.crashed') {
      this.#crashes += 1;
      if (this.#crashes >= CRASHES_BEFORE_PAUSE) this.#stopFor(error);
    }
    // Every further run would fail, too.
    if (error.code === 'disk.full') this.#stopFor(error);
  }

  #stopFor(error: AppError): void {
    this.#paused = true;
    this.#problem = error.toDto();
  }

  /** @throws AppError when the database fails; it is tried again when the queue continues. */
  #note(write: () => void): void {
    this.#unnoted = write;
    write();
    this.#unnoted = null;
  }

  #state(current: Current, progress: EngineProgress): RunProgress {
    const { now } = this.#parts;
    const { run, startedAtMs } = current;
    const time = now();
    if (progress.stage === 'denoise') current.denoiseAtMs ??= time;
    const secondsLeft = this.#timeLeft.running(
      run.settings,
      (time - startedAtMs) / 1000,
      progress.stage === 'denoise' && current.denoiseAtMs !== null && progress.step !== null
        ? { stepsDone: progress.step - 1, seconds: (time - current.denoiseAtMs) / 1000 }
        : null,
    );
    const waiting = this.#waiting.map((settings) => this.#timeLeft.whole(settings) ?? secondsLeft);
    return {
      runId: run.id,
      comparisonId: run.comparisonId,
      stage: progress.stage,
      fraction: progress.fraction,
      step: progress.step,
      steps: progress.steps,
      message: current.abort.signal.aborted ? 'Cancelling' : progress.message,
      retrying: current.retrying,
      spilled: progress.spilled === true,
      previewPng: progress.previewPng,
      startedAtMs,
      secondsLeft,
      queueSecondsLeft:
        secondsLeft === null ? null : waiting.reduce<number>((sum, seconds) => sum + (seconds ?? 0), secondsLeft),
    };
  }
}
