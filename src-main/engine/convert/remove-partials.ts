/** Clears the cache of conversions that a killed engine left half done: with FLUX's sizes tens of gigabytes. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolderFailed } from './cache-folder.js';
import { isLeft } from './conversion-journal.js';

/** `<file>.<process id>.<kind>`, as `conversion-journal` names them. */
const PARTIAL = /^(.+)\.(\d{1,10})\.(partial|journal|scratch)$/;
/** How long what can be gone on with is kept: a long weekend and the days around it. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

/**
 * Deletes files of processes that are gone, except what a conversion can go on from. One of a living process stays, as
 * does one whose process id has been given to another program since: the next start finds it.
 *
 * @param cacheDir absolute path; may be missing
 * @returns how many were deleted
 * @throws AppError disk.failed
 */
export async function removePartials(cacheDir: string): Promise<number> {
  const names = await readdir(cacheDir).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw cacheFolderFailed(cacheDir, error);
  });
  const there = new Set(names);
  let removed = 0;
  for (const name of names) {
    const [, file = '', pid = '', kind = ''] = PARTIAL.exec(name) ?? [];
    if (file === '' || !isLeft(Number(pid))) continue;
    const whole = ['partial', 'journal'].every((part) => there.has(`${file}.${pid}.${part}`));
    if (kind !== 'scratch' && whole && !there.has(file) && (await isRecent(join(cacheDir, name)))) continue;
    await rm(join(cacheDir, name), { force: true });
    removed += 1;
  }
  return removed;
}

async function isRecent(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  return info !== null && Date.now() - info.mtimeMs < KEPT_MS;
}
