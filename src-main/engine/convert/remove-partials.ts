/** Deletes unfinished conversions of killed engines from the cache: tens of gigabytes with FLUX. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isHeld, removeFile } from '../../disk/patience.js';
import { cacheFolderFailed } from './cache-folder.js';
import { isLeft } from './conversion-journal.js';

/** `<file>.<process id>.<kind>`; see `conversion-journal.ts`. */
const PARTIAL = /^(.+)\.(\d{1,10})\.(partial|journal|scratch)$/;
/** How long continuable conversions are kept: a week. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

/**
 * Deletes files of ended processes, except those that a conversion can continue. Files of a running process stay, as do
 * those whose process id now belongs to another program; a later start deletes them.
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
    try {
      await removeFile(join(cacheDir, name));
      removed += 1;
    } catch (error) {
      // A scanner reads it; a later start deletes it.
      if (!isHeld(error)) throw cacheFolderFailed(cacheDir, error);
    }
  }
  return removed;
}

async function isRecent(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  return info !== null && Date.now() - info.mtimeMs < KEPT_MS;
}
