/** Vitest global set-up: builds the entries that tests start as processes and workers. */
import { execFileSync } from 'node:child_process';

export default function setup(): void {
  execFileSync(process.execPath, ['src-main/bootstrap/build-main.mjs'], { stdio: 'inherit' });
}
