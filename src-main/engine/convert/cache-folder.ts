/** The folder of converted weights, which the person may have named. */
import { mkdir } from 'node:fs/promises';
import { AppError } from '../../base/app-error.js';

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
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null;
  if (code === null) return cause;
  const isFile = code === 'ENOTDIR' || code === 'EEXIST';
  return new AppError(
    'disk.failed',
    isFile
      ? `Converted weights need a folder, but ${folder} is a file or lies in one.`
      : `The folder of converted weights, ${folder}, cannot be used (${code}).`,
    {
      remedy: isFile
        ? 'Choose another folder, or move the file away.'
        : 'Choose another folder, or allow this one to be written.',
      details: { code },
      cause,
    },
  );
}
