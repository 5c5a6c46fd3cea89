/** Keeps a gallery from before the first release, which this version cannot read. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import { renameFileSync } from '../disk/patience.js';
import { KEPT_FOLDERS } from './picture-folder.js';
import { DATA_REMEDIES } from './store-error.js';

export function isUnreleased(error: unknown): boolean {
  return error instanceof AppError && error.code === 'store.unreleased';
}

/**
 * Moves the database and the pictures into a folder inside the data folder, where the version that made them can open
 * them with `--data`. The next start creates a new gallery.
 *
 * @param file the database
 * @returns the error to show, which names the folder
 * @throws AppError disk.full, disk.failed; files not moved yet stay
 */
export function keepAside(dataDir: string, file: string, nowMs: number): AppError {
  const aside = join(dataDir, `unreleased-${nowMs}`);
  try {
    const besideFile = readdirSync(dataDir).filter(
      (name) => name.startsWith(`${basename(file)}.`) || name.startsWith(`${basename(file)}-`),
    );
    mkdirSync(aside);
    // The database last: if this is interrupted, the next start finds it and continues.
    for (const name of [...KEPT_FOLDERS, ...besideFile, basename(file)]) {
      if (existsSync(join(dataDir, name))) renameFileSync(join(dataDir, name), join(aside, name));
    }
  } catch (error) {
    throw diskError(error, 'keep the old gallery aside', DATA_REMEDIES);
  }
  return new AppError(
    'store.unreleased',
    `The gallery was made before the first release of Likeness Lab, and this version cannot read it. It is kept with its pictures in ${aside}.`,
    { remedy: 'A new gallery begins. The version that made the old one still opens it there.' },
  );
}
