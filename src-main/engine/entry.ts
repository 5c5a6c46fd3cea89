/**
 * The engine process: reads requests from its parent's channel, runs them one at a time and answers. The same entry
 * serves Electron's `utilityProcess` and Node's `child_process.fork`.
 */
import { isAbort, toErrorDto } from '../base/app-error.js';
import { Engine } from './engine.js';
import { withMemoryNamed } from './out-of-memory.js';
import type { EngineProgress, FromEngine, ToEngine } from './protocol.js';
import { engineVersions } from './runtime/versions.js';
import { startWatchdog } from './watchdog.js';

/** The channel of both kinds of child process. */
interface Channel {
  send(message: FromEngine): void;
  onMessage(listener: (message: ToEngine) => void): void;
}

/** Electron's utility process has `process.parentPort`; a forked Node process has `process.send`. */
function openChannel(): Channel {
  const { parentPort } = process as unknown as {
    parentPort?: {
      postMessage(message: unknown): void;
      on(event: 'message', listener: (event: { data: unknown }) => void): void;
    };
  };
  if (parentPort !== undefined) {
    return {
      send: (message) => parentPort.postMessage(message),
      onMessage: (listener) => parentPort.on('message', (event) => listener(event.data as ToEngine)),
    };
  }
  if (process.send === undefined) {
    throw new Error('The engine process was started without a channel to its parent.');
  }
  const send = process.send.bind(process);
  return {
    send: (message) => send(message),
    onMessage: (listener) => process.on('message', (message) => listener(message as ToEngine)),
  };
}

/** Milliseconds between progress messages of one stage; steps are always reported. */
const PROGRESS_INTERVAL_MS = 100;

function main(): void {
  const channel = openChannel();
  startWatchdog();
  const engine = new Engine();
  const running = new Map<string, AbortController>();
  let queue: Promise<void> = Promise.resolve();

  const handle = async (id: string, request: Extract<ToEngine, { type: 'request' }>['request']): Promise<void> => {
    const controller = running.get(id);
    if (controller === undefined) return;
    let lastSent = 0;
    let last: EngineProgress | null = null;
    const onProgress = (progress: EngineProgress) => {
      const now = performance.now();
      const isSame = progress.stage === last?.stage && progress.step === last.step;
      if (isSame && now - lastSent < PROGRESS_INTERVAL_MS) return;
      lastSent = now;
      last = progress;
      channel.send({ type: 'progress', id, progress });
    };
    try {
      const result = await engine.handle(request, { signal: controller.signal, onProgress });
      channel.send({ type: 'result', id, result });
    } catch (error) {
      if (isAbort(error)) channel.send({ type: 'cancelled', id });
      else channel.send({ type: 'error', id, error: toErrorDto(withMemoryNamed(error)) });
    } finally {
      running.delete(id);
    }
  };

  channel.onMessage((message) => {
    switch (message.type) {
      case 'request':
        running.set(message.id, new AbortController());
        queue = queue.then(() => handle(message.id, message.request));
        break;
      case 'cancel':
        running.get(message.id)?.abort();
        break;
      case 'shutdown':
        process.exit(0);
    }
  });
  // Without a parent nobody reads answers.
  process.on('disconnect', () => process.exit(0));
  channel.send({ type: 'ready', pid: process.pid, versions: engineVersions() });
}

main();
