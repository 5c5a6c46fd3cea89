/** The engine as a Node child process, for the web host, the command line and tests. */
import { fork } from 'node:child_process';
import { ENGINE_ENV, ENGINE_EXEC_ARGV } from '../../base/engine-process.js';
import type { FromEngine } from '../../engine/protocol.js';
import type { EngineProcess, EngineSpawner } from './engine-client.js';
import { LastWords } from './last-words.js';

/** After the exit, how long standard error is quiet until it counts as read to its end, which is seen not to come under Wine. */
const QUIET_MS = 500;

/** A spawner for the built engine entry at an absolute path. @param env added to this process's */
export function forkEngine(entry: string, env: Readonly<Record<string, string>> = {}): EngineSpawner {
  return (onStderr, more): EngineProcess => {
    const child = fork(entry, [], {
      serialization: 'json',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...ENGINE_ENV, ...env, ...more },
      execArgv: [...ENGINE_EXEC_ARGV],
    });
    let ended = false;
    const words = new LastWords();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words.add(text);
      onStderr?.(text);
    });
    return {
      send(message) {
        // A message to a process that is ending is lost; its exit rejects the request.
        if (!ended && child.connected) child.send(message, () => undefined);
      },
      onMessage(listener) {
        child.on('message', (message) => listener(message as FromEngine));
      },
      onExit(listener) {
        const end = (reason: string): void => {
          ended = true;
          listener(reason);
        };
        // Not 'exit', which can come before the rest of standard error.
        const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
          clearTimeout(late);
          end(words.explain(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`));
        };
        let late: NodeJS.Timeout | undefined;
        child.once('close', finish);
        child.once('exit', (code, signal) => {
          late = setTimeout(() => {
            child.off('close', finish);
            finish(code, signal);
          }, QUIET_MS);
          child.stderr?.on('data', () => late?.refresh());
        });
        child.once('error', (error) => {
          // Only a failed spawn has no exit.
          if (child.pid === undefined) end(error.message);
        });
      },
      kill() {
        child.kill('SIGKILL');
      },
    };
  };
}
