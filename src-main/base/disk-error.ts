/** Failures of the file system as `AppError`s. */
import { AppError } from './app-error.js';

export interface DiskRemedies {
  readonly full: string;
  readonly other: string;
}

const REMEDIES: DiskRemedies = {
  full: 'Free some space and try again.',
  other: 'Check that the folder exists and is writable, and try again.',
};

/**
 * A failure of the file system as `disk.full` (no space, or the user's quota is used up) or `disk.failed`. Any other
 * error, such as a cancellation, is returned unchanged.
 *
 * @param doing completes "could not …": `write step-003.png`
 */
export function diskError(error: unknown, doing: string, remedies = REMEDIES): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error) || error instanceof AppError) {
    return error;
  }
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  return new AppError(
    full ? 'disk.full' : 'disk.failed',
    full ? `The disk is full: there is no space left to ${doing}.` : `Could not ${doing} (${String(error.code)}).`,
    {
      remedy: full ? remedies.full : remedies.other,
      retryable: true,
      details: { errno: String(error.code) },
      cause: error,
    },
  );
}
