/** Vitest global set-up: builds the entries that tests start as processes and workers, unless `npm test` just did. */
import { execFileSync } from 'node:child_process';

export default function setup(): void {
  if (process.env['LIKENESS_LAB_BUILT'] === '1') return;
  execFileSync(process.execPath, ['src-main/bootstrap/build-main.mjs'], { stdio: 'inherit' });
}
