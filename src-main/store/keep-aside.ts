/** A gallery made before the first release: this version cannot read it, and does not delete it. */
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import { KEPT_FOLDERS } from './picture-folder.js';
import { DATA_REMEDIES } from './store-error.js';

/** Whether opening failed because the gallery was made before the first release. */
export function isUnreleased(error: unknown): boolean {
  return error instanceof AppError && error.code === 'store.unreleased';
}

/**
 * Moves such a gallery, database and pictures, into a folder of its own in the data folder, where the version that made
 * it opens it with `--data`. The next start then begins a new one.
 *
 * @param file the database
 * @returns the error to show, which names the folder
 * @throws AppError disk.full, disk.failed; what was not moved yet stays
 */
export function keepAside(dataDir: string, file: string, nowMs: number): AppError {
  const aside = join(dataDir, `unreleased-${nowMs}`);
  try {
    const besideFile = readdirSync(dataDir).filter(
      (name) => name.startsWith(`${basename(file)}.`) || name.startsWith(`${basename(file)}-`),
    );
    mkdirSync(aside);
    // The database last: should this be cut short, the next start finds it and goes on.
    for (const name of [...KEPT_FOLDERS, ...besideFile, basename(file)]) {
      if (existsSync(join(dataDir, name))) renameSync(join(dataDir, name), join(aside, name));
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
