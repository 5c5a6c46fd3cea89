/** The folder of converted weights, which the person may have named. */
import { mkdir } from 'node:fs/promises';
import { AppError } from '../../base/app-error.js';
import { diskError, type DiskRemedies } from '../../base/disk-error.js';

/** What helps where converted weights could not be written. */
export const CACHE_REMEDIES: DiskRemedies = {
  full: 'Free some space, or choose another cache folder in the settings.',
  other: 'Choose another cache folder, or allow this one to be written.',
};

/**
 * Makes it and the folders above it where they are missing.
 * @param folder absolute path
 * @throws AppError disk.failed where that cannot be
 */
export async function makeCacheFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw cacheFolderFailed(folder, error);
  }
}

/** A failed call on the folder, as what the person can mend. */
export function cacheFolderFailed(folder: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  if (code !== 'ENOTDIR' && code !== 'EEXIST') {
    return diskError(cause, `use the folder of converted weights, ${folder}`, CACHE_REMEDIES);
  }
  return new AppError('disk.failed', `Converted weights need a folder, but ${folder} is a file or lies in one.`, {
    remedy: 'Choose another folder, or move the file away.',
    details: { code },
    cause,
  });
}
