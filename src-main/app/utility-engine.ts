/** The engine as Electron's utility process. */
import type { Readable } from 'node:stream';
import type { UtilityProcess } from 'electron';
import type { FromEngine } from '../engine/protocol.js';
import type { EngineProcess, EngineSpawner } from '../services/engine/engine-client.js';
import { LastWords } from '../services/engine/last-words.js';

type Fork = (
  entry: string,
  env: Readonly<Record<string, string>>,
) => Pick<UtilityProcess, 'postMessage' | 'kill'> & {
  readonly stderr: NodeJS.ReadableStream | null;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'exit', listener: (code: number) => void): unknown;
  once(event: 'error', listener: (type: string, location: string) => void): unknown;
};

/** Time for the rest of standard error after the exit, which Electron reports without waiting for it. */
const LAST_WORDS_MS = 500;

/**
 * A spawner for the built engine entry. `fork` is `utilityProcess.fork` with its options bound; it must pipe standard
 * error, the only place where a process reports that memory ran out.
 */
export function utilityEngine(fork: Fork, entry: string): EngineSpawner {
  return (onStderr, env = {}): EngineProcess => {
    const child = fork(entry, env);
    const stderr = child.stderr as Readable | null;
    const words = new LastWords();
    const onText = (text: string): void => {
      words.add(text);
      onStderr?.(text);
    };
    stderr?.setEncoding('utf8').on('data', onText);
    child.once('error', (_type, location) => words.add(location));
    let alive = true;
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code) => {
        alive = false;
        const end = (): void => resolve(words.explain(`exit code ${code}`));
        // Electron then removes every listener from the stream, so the rest is read with new ones.
        stderr?.pause();
        setImmediate(() => {
          if (stderr === null || stderr.closed) end();
          else {
            const timer = setTimeout(end, LAST_WORDS_MS);
            stderr
              .on('data', onText)
              .once('close', () => {
                clearTimeout(timer);
                end();
              })
              .resume();
          }
        });
      });
    });
    return {
      send(message) {
        if (alive) child.postMessage(message);
      },
      onMessage(listener) {
        child.on('message', (message) => listener(message as FromEngine));
      },
      onExit(listener) {
        void ended.then(listener);
      },
      kill() {
        child.kill();
      },
    };
  };
}
