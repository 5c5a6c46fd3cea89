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
 * @param elsewhere folder to keep the result in when its own takes nothing: it is full, write-protected, or its drive is gone
 * @throws AppError disk.full, disk.failed, which names where the result is kept, if it could be
 */
export async function placeOrKeep(
  path: string,
  what: string,
  place: (target: string) => Promise<void>,
  elsewhere: string | null = null,
): Promise<void> {
  try {
    await place(path);
  } catch (error) {
    const kept = isHeld(error) ? await keepAs(path, 2, place) : null;
    if (kept !== null) {
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
    const failure = diskError(error, `save ${what}`);
    if (elsewhere === null || !(failure instanceof AppError)) throw failure;
    const { code, message, details } = failure;
    const saved = await keepAs(join(elsewhere, basename(path)), 1, place);
    if (saved === null) throw failure;
    throw new AppError(code, `${message} The result is kept as ${saved}.`, {
      remedy: 'Move the kept file to where there is room for it.',
      details: { ...details, kept: saved },
      cause: error,
    });
  }
}

/** @param first number of the first name tried @returns the path that it got; null when none is possible */
async function keepAs(path: string, first: number, place: (target: string) => Promise<void>): Promise<string | null> {
  const extension = extname(path);
  const stem = basename(path, extension);
  for (let n = first; n <= MAX_NAMES; n++) {
    const target = join(dirname(path), n === 1 ? `${stem}${extension}` : `${stem} (${n})${extension}`);
    if ((await lstat(target).catch(() => null)) !== null) continue;
    return place(target).then(
      () => target,
      () => null,
    );
  }
  return null;
}
