/** The engine as Electron's utility process. */
import type { UtilityProcess } from 'electron';
import type { FromEngine } from '../engine/protocol.js';
import type { EngineProcess, EngineSpawner } from '../services/engine-client.js';

type Fork = (entry: string) => Pick<UtilityProcess, 'postMessage' | 'kill'> & {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'exit', listener: (code: number) => void): unknown;
};

/** A spawner for the built engine entry. `fork` is `utilityProcess.fork` with its options bound. */
export function utilityEngine(fork: Fork, entry: string): EngineSpawner {
  return (): EngineProcess => {
    const child = fork(entry);
    let ended = false;
    child.once('exit', () => {
      ended = true;
    });
    return {
      send(message) {
        if (!ended) child.postMessage(message);
      },
      onMessage(listener) {
        child.on('message', (message) => {
          listener(message as FromEngine);
        });
      },
      onExit(listener) {
        child.once('exit', (code) => {
          listener(`exit code ${code}`);
        });
      },
      kill() {
        child.kill();
      },
    };
  };
}
