/** The built command line in a process of its own. */
import { execFile } from 'node:child_process';

/** What it says and its exit code; null when a signal ended it. */
export function runCli(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['dist/main/cli.js', ...args], (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}
