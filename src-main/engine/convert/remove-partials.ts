/** Clears the cache of conversions that a killed engine left half done: with FLUX's sizes tens of gigabytes. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive } from '../../base/process-alive.js';

/** `<file>.<process id>.partial` or `.scratch`, as `encodeComponent` names them. */
const PARTIAL = /\.(\d{1,10})\.(?:partial|scratch)$/;

/**
 * Deletes partial files of processes that are gone. One of a living process stays, as does one whose process id has
 * been given to another program since: the next start finds it.
 *
 * @param cacheDir absolute path; may be missing
 * @returns how many were deleted
 */
export async function removePartials(cacheDir: string): Promise<number> {
  const names = await readdir(cacheDir).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  let removed = 0;
  for (const name of names) {
    const pid = Number(PARTIAL.exec(name)?.[1] ?? 0);
    if (pid === 0 || isProcessAlive(pid)) continue;
    await rm(join(cacheDir, name), { force: true });
    removed += 1;
  }
  return removed;
}
