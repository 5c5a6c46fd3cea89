/** An engine process for some requests, gone afterwards, so that nothing of it is in the figures of the next. */
import { entryFile } from '../base/entry-file.js';
import type { EngineProgress, EngineRequest } from '../engine/protocol.js';
import { EngineClient, type ResultOfKind } from '../services/engine/engine-client.js';
import { forkEngine } from '../services/engine/fork-engine.js';

type Kind = EngineRequest['kind'];

/** Sends one request; requests run in the order in which they are sent. @throws AppError of the engine, engine.crashed */
export type SendRequest = <K extends Kind>(
  request: Extract<EngineRequest, { kind: K }>,
  onProgress?: (progress: EngineProgress) => void,
) => Promise<ResultOfKind<K>>;

/**
 * Starts an engine process, hands `work` a function that sends requests to it, and ends the process.
 *
 * @throws AppError of the engine, engine.crashed; AbortError when the signal is aborted
 */
export async function runInEngine<T>(work: (send: SendRequest) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const onStderr = (text: string): void => void process.stderr.write(text);
  const engine = new EngineClient(() => forkEngine(entryFile('engine'))(onStderr));
  try {
    const send: SendRequest = (request, onProgress) =>
      engine.request(request, {
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onProgress }),
      });
    return await work(send);
  } finally {
    await engine.close();
  }
}
