/** The folder of converted weights, which the person can choose. */
import { mkdir } from 'node:fs/promises';
import { AppError } from '../../base/app-error.js';
import { diskError, type DiskRemedies } from '../../base/disk-error.js';

/** Remedies where converted weights could not be written. */
export const CACHE_REMEDIES: DiskRemedies = {
  full: 'Free some space, or choose another cache folder in the settings.',
  other: 'Choose another cache folder, or allow this one to be written.',
};

/**
 * Creates the folder and its parents.
 * @param folder absolute path
 * @throws AppError disk.failed
 */
export async function makeCacheFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw cacheFolderFailed(folder, error);
  }
}

/** The error of a failed call on the folder. */
export function cacheFolderFailed(folder: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  if (code !== 'ENOTDIR' && code !== 'EEXIST') {
    return diskError(cause, `use the folder of converted weights, ${folder}`, CACHE_REMEDIES);
  }
  return new AppError('disk.failed', `Converted weights need a folder, but ${folder} is a file or inside one.`, {
    remedy: 'Choose another folder, or move the file away.',
    details: { code },
    cause,
  });
}
