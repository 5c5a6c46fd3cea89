/** An engine process for some requests, gone afterwards, so that nothing of it is in the figures of the next. */
import { fork } from 'node:child_process';
import { abortError, AppError } from '../base/app-error.js';
import { ENGINE_ENV, ENGINE_EXEC_ARGV } from '../base/engine-process.js';
import { entryFile } from '../base/entry-file.js';
import type { EngineProgress, EngineRequest, EngineResult, FromEngine, ToEngine } from '../engine/protocol.js';

type Kind = EngineRequest['kind'];

/** Sends one request; requests run in the order in which they are sent. @throws AppError of the engine, engine.crashed */
export type SendRequest = <K extends Kind>(
  request: Extract<EngineRequest, { kind: K }>,
  onProgress?: (progress: EngineProgress) => void,
) => Promise<Extract<EngineResult, { kind: K }>>;

interface Waiting {
  readonly resolve: (result: EngineResult) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((progress: EngineProgress) => void) | undefined;
}

/**
 * Starts an engine process, hands `work` a function that sends requests to it, and ends the process.
 *
 * @throws AppError of the engine, engine.crashed; AbortError when the signal is aborted, which ends the process at once
 */
export async function runInEngine<T>(work: (send: SendRequest) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const child = fork(entryFile('engine'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...ENGINE_ENV },
    execArgv: [...ENGINE_EXEC_ARGV],
  });
  const waiting = new Map<string, Waiting>();
  let ended: Error | null = null;

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  const take = (id: string): Waiting | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    return found;
  };

  child.on('message', (message: FromEngine) => {
    switch (message.type) {
      case 'ready':
        break;
      case 'progress':
        waiting.get(message.id)?.onProgress?.(message.progress);
        break;
      case 'result':
        take(message.id)?.resolve(message.result);
        break;
      case 'error':
        take(message.id)?.reject(AppError.fromDto(message.error));
        break;
      case 'cancelled':
        take(message.id)?.reject(abortError());
    }
  });
  child.once('exit', (code, exitSignal) => {
    end(
      new AppError('engine.crashed', `The engine process ended with ${exitSignal ?? `code ${String(code)}`}.`, {
        remedy: 'Memory may have run out. Try smaller formats.',
      }),
    );
  });
  const onAbort = (): void => {
    end(abortError());
    child.kill();
  };
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort);

  let count = 0;
  const send = ((request: EngineRequest, onProgress?: (progress: EngineProgress) => void) =>
    new Promise<EngineResult>((resolve, reject) => {
      if (ended !== null) {
        reject(ended);
        return;
      }
      count += 1;
      const id = String(count);
      waiting.set(id, { resolve, reject, onProgress });
      child.send({ type: 'request', id, request } satisfies ToEngine);
    })) as SendRequest;

  try {
    return await work(send);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    child.removeAllListeners('exit');
    child.kill();
  }
}
