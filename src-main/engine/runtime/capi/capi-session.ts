/**
 * Sessions by the runtime's C API. Loading, running and releasing happen on another thread; an abort signal ends them
 * between two nodes. Inputs and outputs are the arrays of the caller; weights are read by the runtime from their files.
 */
import { abortError, throwIfAborted } from '../../../base/app-error.js';
import type { BoundSession, Feeds, SessionSettings } from '../binding.js';
import { checkFeeds, checkHeld, checkOutputs } from './check-feeds.js';
import { NativeScope, withAsyncScope, type Pointer } from './native-memory.js';
import type { OrtLibrary } from './ort-library.js';
import { HostTensors } from './run-tensors.js';
import { describeTensors, type TensorInfo } from './tensor-info.js';

/** @source GraphOptimizationLevel */
const OPTIMIZATION = { none: 0, all: 99 } as const;

/** Options of the CUDA provider, or null for the CPU. */
export type CudaOptions = Readonly<Record<string, string>> | null;

/** @throws OrtError, AbortError */
export async function openCapiSession(
  ort: OrtLibrary,
  model: Uint8Array | string,
  settings: SessionSettings,
  cuda: CudaOptions,
): Promise<BoundSession> {
  const { signal } = settings;
  throwIfAborted(signal);
  return withAsyncScope(async (scope) => {
    const options = sessionOptions(ort, scope, settings, cuda);
    const cell = new BigUint64Array(1);
    const out = scope.address(cell);
    const stop = () => ort.call('SessionOptionsSetLoadCancellationFlag', options, true);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      if (typeof model === 'string') await ort.callAsync('CreateSession', ort.env, scope.path(model), options, out);
      else await ort.callAsync('CreateSessionFromArray', ort.env, scope.address(model), model.length, options, out);
    } catch (error) {
      throw signal?.aborted === true ? abortError() : error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
    return new CapiSession(ort, cell[0] ?? 0n, settings);
  });
}

export function sessionOptions(
  ort: OrtLibrary,
  scope: NativeScope,
  settings: SessionSettings,
  cuda: CudaOptions,
): Pointer {
  const options = ort.owned(scope, 'ReleaseSessionOptions', 'CreateSessionOptions');
  ort.call('SetSessionGraphOptimizationLevel', options, settings.optimize ? OPTIMIZATION.all : OPTIMIZATION.none);
  ort.call('DisableCpuMemArena', options);
  ort.call('DisableMemPattern', options);
  ort.call('SetSessionLogSeverityLevel', options, settings.logSeverity);
  const { profilePrefix } = settings;
  if (profilePrefix !== undefined) ort.call('EnableProfiling', options, scope.path(profilePrefix));
  for (const [key, value] of Object.entries(settings.configEntries)) {
    ort.call('AddSessionConfigEntry', options, scope.text(key), scope.text(value));
  }
  if (cuda !== null) appendCuda(ort, scope, options, cuda);
  return options;
}

function appendCuda(ort: OrtLibrary, scope: NativeScope, options: Pointer, cuda: NonNullable<CudaOptions>): void {
  const provider = ort.owned(scope, 'ReleaseCUDAProviderOptions', 'CreateCUDAProviderOptions');
  const keys = scope.pointers(Object.keys(cuda).map((key) => scope.text(key)));
  const values = scope.pointers(Object.values(cuda).map((value) => scope.text(value)));
  ort.call('UpdateCUDAProviderOptions', provider, keys, values, Object.keys(cuda).length);
  ort.call('SessionOptionsAppendExecutionProvider_CUDA_V2', options, provider);
}

class CapiSession implements BoundSession {
  readonly #ort: OrtLibrary;
  readonly #session: Pointer;
  readonly #settings: SessionSettings;
  readonly #inputs: readonly TensorInfo[];
  readonly #outputs: readonly TensorInfo[];
  readonly #binding: Pointer;
  readonly #tensors: HostTensors;
  readonly #held = new Set<string>();
  /** Settles with the last run; a binding serves one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(ort: OrtLibrary, session: Pointer, settings: SessionSettings) {
    this.#ort = ort;
    this.#session = session;
    this.#settings = settings;
    const scope = new NativeScope();
    scope.own(session, (handle) => ort.raw('ReleaseSession', handle));
    try {
      this.#inputs = describeTensors(ort, session, 'inputs');
      this.#outputs = describeTensors(ort, session, 'outputs');
      this.#binding = ort.owned(scope, 'ReleaseIoBinding', 'CreateIoBinding', session);
      this.#tensors = new HostTensors(ort, this.#binding);
    } catch (error) {
      scope.release();
      throw error;
    }
  }

  get inputNames(): readonly string[] {
    return this.#inputs.map(({ name }) => name);
  }

  get outputNames(): readonly string[] {
    return this.#outputs.map(({ name }) => name);
  }

  hold(feeds: Feeds): void {
    checkHeld(this.#inputs, feeds);
    this.#tensors.setInputs(feeds);
    for (const name of Object.keys(feeds)) this.#held.add(name);
  }

  run(feeds: Feeds, outputs: readonly string[]): Promise<Record<string, Float32Array>> {
    const run = this.#last.then(() => this.#runNow(feeds, outputs));
    this.#last = run.catch(() => undefined);
    return run;
  }

  async release(): Promise<void> {
    await this.#last;
    this.#ort.raw('ReleaseIoBinding', this.#binding);
    this.#tensors.release();
    await this.#ort.releaseAsync('ReleaseSession', this.#session);
  }

  endProfiling(): void {
    const { allocator } = this.#ort;
    this.#ort.call('AllocatorFree', allocator, this.#ort.out('SessionEndProfiling', this.#session, allocator));
  }

  async #runNow(feeds: Feeds, names: readonly string[]): Promise<Record<string, Float32Array>> {
    const { signal, logSeverity } = this.#settings;
    throwIfAborted(signal);
    checkFeeds(this.#inputs, feeds, this.#held);
    const infos = checkOutputs(this.#outputs, names);
    const ort = this.#ort;
    return withAsyncScope(async (scope) => {
      try {
        this.#tensors.setInputs(feeds);
        const fetch = this.#tensors.bindOutputs(scope, infos);
        const options = ort.owned(scope, 'ReleaseRunOptions', 'CreateRunOptions');
        ort.call('RunOptionsSetRunLogSeverityLevel', options, logSeverity);
        const stop = () => ort.call('RunOptionsSetTerminate', options);
        signal?.addEventListener('abort', stop, { once: true });
        try {
          await ort.callAsync('RunWithBinding', this.#session, options, this.#binding);
          await ort.callAsync('SynchronizeBoundOutputs', this.#binding);
        } catch (error) {
          throw signal?.aborted === true ? abortError() : error;
        } finally {
          signal?.removeEventListener('abort', stop);
        }
        return fetch();
      } finally {
        this.#tensors.endRun(this.#held.size > 0);
      }
    });
  }
}
