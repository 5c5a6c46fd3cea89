/**
 * Client of one engine process: starts it on first use and matches answers to requests. When the process ends, running
 * requests fail with `engine.crashed`; the next request starts it again.
 */
import { AppError, abortError, throwIfAborted } from '../../base/app-error.js';
import type {
  EngineProgress,
  EngineRequest,
  EngineResult,
  FromEngine,
  Stage,
  ToEngine,
} from '../../engine/protocol.js';
import type { EngineState } from '../../contract/system-info.js';

/** The engine process, started by Node's `fork` or Electron's `utilityProcess`. */
export interface EngineProcess {
  send(message: ToEngine): void;
  onMessage(listener: (message: FromEngine) => void): void;
  /** Called once. `reason` is for people, such as "signal SIGKILL" or "exit code 134". */
  onExit(listener: (reason: string) => void): void;
  kill(): void;
}

/** The reason of an exit because memory ran out. */
export const OUT_OF_MEMORY = 'out of memory';

/**
 * @param onStderr gets the process's standard error, for a log
 * @param env added to this process's
 */
export type EngineSpawner = (
  onStderr?: (text: string) => void,
  env?: Readonly<Record<string, string>>,
) => EngineProcess;

type RequestOfKind<K extends EngineRequest['kind']> = Extract<EngineRequest, { kind: K }>;
export type ResultOfKind<K extends EngineRequest['kind']> = Extract<EngineResult, { kind: K }>;

interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EngineProgress) => void;
}

interface Pending {
  readonly kind: EngineRequest['kind'];
  readonly resolve: (result: EngineResult) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((progress: EngineProgress) => void) | undefined;
  stage: Stage | null;
  cancelled: boolean;
}

/** Time for a process to get ready: a cold start of the runtime on a slow disk. */
const START_TIMEOUT_MS = 60_000;
/**
 * Time for a cancelled request to stop. The engine stops between steps, which can take long for a large picture; then the
 * process is ended, and the next request starts another.
 */
const CANCEL_TIMEOUT_MS = 800;
/** Time for a process to end after a request. */
const SHUTDOWN_TIMEOUT_MS = 5_000;

export class EngineClient {
  readonly #spawn: EngineSpawner;
  readonly #onState: (state: EngineState) => void;
  readonly #pending = new Map<string, Pending>();
  #process: EngineProcess | null = null;
  #ready: Promise<void> | null = null;
  #onReady: { resolve: () => void; reject: (error: unknown) => void } | null = null;
  #nextId = 0;
  #versions: Readonly<Record<string, string>> = {};
  #closing = false;
  #restarting = false;

  constructor(spawn: EngineSpawner, onState: (state: EngineState) => void = () => undefined) {
    this.#spawn = spawn;
    this.#onState = onState;
    onState({ status: 'stopped' });
  }

  /** Versions that the running process reported. */
  get versions(): Readonly<Record<string, string>> {
    return this.#versions;
  }

  /** Frees what a running process keeps between requests. */
  async release(): Promise<void> {
    if (this.#process === null || this.#closing) return;
    await this.request<'release'>({ kind: 'release', params: {} });
  }

  /**
   * Ends the process, which frees all its memory; the next request starts another. Running requests fail with
   * engine.crashed.
   */
  async restart(): Promise<void> {
    const process = this.#process;
    if (process === null || this.#closing) return;
    this.#restarting = true;
    await this.#end(process);
    this.#restarting = false;
  }

  /**
   * Sends a request and waits for its result.
   * @throws AppError what the engine reported, or engine.crashed; AbortError when cancelled
   */
  async request<K extends EngineRequest['kind']>(
    request: RequestOfKind<K>,
    options: RequestOptions = {},
  ): Promise<ResultOfKind<K>> {
    throwIfAborted(options.signal);
    await this.#start();
    throwIfAborted(options.signal);
    const id = `q${(this.#nextId += 1)}`;
    let timer: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      const pending = this.#pending.get(id);
      if (pending === undefined) return;
      pending.cancelled = true;
      this.#process?.send({ type: 'cancel', id });
      timer = setTimeout(() => this.#endStubborn(id), CANCEL_TIMEOUT_MS);
    };
    try {
      const result = await new Promise<EngineResult>((resolve, reject) => {
        this.#pending.set(id, {
          kind: request.kind,
          resolve,
          reject,
          onProgress: options.onProgress,
          stage: null,
          cancelled: false,
        });
        this.#process?.send({ type: 'request', id, request });
        options.signal?.addEventListener('abort', cancel, { once: true });
      });
      return result as ResultOfKind<K>;
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /**
   * A cancelled request that did not stop in time. If it still waits in the engine's queue, it is only rejected; if it is
   * running, the process ends. Nothing is lost: pictures are written when they are finished.
   */
  #endStubborn(id: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (pending.stage === null) pending.reject(abortError());
    else this.#process?.kill();
  }

  /** Ends the process: asks first, then kills. Running requests are rejected as cancelled. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#process !== null) await this.#end(this.#process);
  }

  /** Asks the process to end, and kills it when it takes too long. */
  #end(process: EngineProcess): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => process.kill(), SHUTDOWN_TIMEOUT_MS);
      process.onExit(() => {
        clearTimeout(timer);
        resolve();
      });
      process.send({ type: 'shutdown' });
    });
  }

  #start(): Promise<void> {
    if (this.#closing) return Promise.reject(abortError());
    this.#ready ??= new Promise<void>((resolve, reject) => {
      this.#onState({ status: 'starting' });
      this.#onReady = { resolve, reject };
      const process = this.#spawn();
      this.#process = process;
      const timer = setTimeout(() => process.kill(), START_TIMEOUT_MS);
      process.onMessage((message) => {
        if (message.type === 'ready') clearTimeout(timer);
        this.#receive(message);
      });
      process.onExit((reason) => {
        clearTimeout(timer);
        this.#exited(reason);
      });
    });
    return this.#ready;
  }

  #receive(message: FromEngine): void {
    if (message.type === 'ready') {
      this.#versions = message.versions;
      this.#onState({ status: 'ready', versions: { ...message.versions } });
      this.#onReady?.resolve();
      return;
    }
    // The request was cancelled.
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    switch (message.type) {
      case 'progress':
        pending.stage = message.progress.stage;
        pending.onProgress?.(message.progress);
        return;
      case 'cancelled':
        pending.reject(abortError());
        return;
      case 'error':
        pending.reject(
          AppError.fromDto({ ...message.error, details: { stage: pending.stage, ...message.error.details } }),
        );
        return;
      case 'result':
        if (message.result.kind === pending.kind) pending.resolve(message.result);
        else {
          pending.reject(
            new AppError(
              'engine.protocol',
              `The engine answered ${message.result.kind} to a ${pending.kind} request.`,
              { remedy: 'Restart the app; if it happens again, report it with the log file.' },
            ),
          );
        }
    }
  }

  #exited(reason: string): void {
    const wasReady = this.#onReady;
    const pending = [...this.#pending.values()];
    this.#process = null;
    this.#ready = null;
    this.#onReady = null;
    if (this.#closing) {
      this.#onState({ status: 'stopped' });
      for (const request of pending) request.reject(abortError());
      wasReady?.reject(abortError());
      return;
    }
    if (this.#restarting || pending.some((request) => request.cancelled)) {
      // Ended on purpose: other requests of the process can be sent again.
      this.#onState({ status: 'stopped' });
      const why = this.#restarting ? 'free its memory' : 'cancel another request';
      for (const request of pending) {
        if (this.#restarting && request.kind === 'release') request.resolve({ kind: 'release' });
        else if (request.cancelled) request.reject(abortError());
        else {
          request.reject(
            new AppError('engine.crashed', `The engine was ended to ${why}.`, {
              remedy: 'Try again.',
              retryable: true,
            }),
          );
        }
      }
      return;
    }
    const stage = pending.find((request) => request.stage !== null)?.stage ?? null;
    const message = `The engine process ended unexpectedly (${reason})${stage === null ? '' : ` during ${stage}`}.`;
    this.#onState({ status: 'crashed', stage, message });
    for (const request of pending) {
      request.reject(
        new AppError(reason === OUT_OF_MEMORY ? 'engine.out-of-memory' : 'engine.crashed', message, {
          remedy:
            'What was finished is saved. Resume to try again; if memory ran out, choose smaller formats or a smaller size.',
          retryable: true,
          details: { reason, stage: request.stage },
        }),
      );
    }
    wasReady?.reject(
      new AppError('engine.crashed', `The engine process could not start (${reason}).`, {
        remedy: 'Start the app again; if it happens again, report it with the log file.',
        details: { reason },
      }),
    );
  }
}
