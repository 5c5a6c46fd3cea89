/** Puts finished results in their place. One that took minutes to make is never given up because its name is taken. */
import { lstat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import { isHeld } from './patience.js';

/** Names tried beside the one that is held. */
const MAX_NAMES = 99;

/**
 * Calls `place` with the path, and when that is held for too long with a free name beside it: `out (2).png`.
 *
 * @param place makes the file at a path, with patience
 * @param what completes "could not save …": `the picture "out.png"`
 * @throws AppError disk.failed, which names where the result is kept; disk.full, disk.failed where it could not be kept
 */
export async function placeOrKeep(path: string, what: string, place: (target: string) => Promise<void>): Promise<void> {
  try {
    await place(path);
  } catch (error) {
    const kept = isHeld(error) ? await keepBeside(path, place) : null;
    if (kept === null) throw diskError(error, `save ${what}`);
    throw new AppError(
      'disk.failed',
      `Could not save ${what}: it is read-only or another program has it open. The result is kept as ${kept}.`,
      {
        remedy: 'Close the other program, then rename the kept file.',
        details: { kept, errno: error instanceof Error && 'code' in error ? String(error.code) : null },
        cause: error,
      },
    );
  }
}

/** @returns the path that it got; null when no name beside is possible either */
async function keepBeside(path: string, place: (target: string) => Promise<void>): Promise<string | null> {
  const extension = extname(path);
  const stem = basename(path, extension);
  for (let n = 2; n <= MAX_NAMES; n++) {
    const target = join(dirname(path), `${stem} (${n})${extension}`);
    if ((await lstat(target).catch(() => null)) !== null) continue;
    return place(target).then(
      () => target,
      () => null,
    );
  }
  return null;
}
