/** The built command line in a process of its own. */
import { execFile } from 'node:child_process';

interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Standard error without the lines of progress that a command of more than ten seconds writes. */
export function withoutProgress(stderr: string): string {
  return stderr.replace(/^ *\d+% .*\r?\n/gm, '');
}

/** What it says and its exit code. */
export function runCli(...args: string[]): Promise<Ended> {
  return runCliWith({}, ...args);
}

/** The same with an environment of its own beside this process's. */
export function runCliWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } };
    const child = execFile(process.execPath, ['dist/main/cli.js', ...args], options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr: withoutProgress(stderr) });
    });
  });
}
