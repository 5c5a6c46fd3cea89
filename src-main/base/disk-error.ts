/** What is said where a file could not be written. */
import { AppError } from './app-error.js';

/** What a person can do, where the disk is full and where it refuses for another reason. */
export interface DiskRemedies {
  readonly full: string;
  readonly other: string;
}

const REMEDIES: DiskRemedies = {
  full: 'Free some space and try again.',
  other: 'Check that the folder exists and is writable, and try again.',
};

/**
 * A failure of the file system as `disk.full` or `disk.failed`; anything else, such as a cancellation, as it is.
 *
 * @param path as a person should read it: the whole path of what they chose, the name of what the app made
 */
export function diskError(path: string, error: unknown, remedies = REMEDIES): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error) || error instanceof AppError) {
    return error;
  }
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  return new AppError(
    full ? 'disk.full' : 'disk.failed',
    full ? `There is no space left to write ${path}.` : `${path} could not be written (${String(error.code)}).`,
    { remedy: full ? remedies.full : remedies.other, retryable: true, cause: error },
  );
}
