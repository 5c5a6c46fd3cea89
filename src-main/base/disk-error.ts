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

interface Meaning {
  /** Completes "could not …: …". */
  readonly reason: string;
  /** Where the caller's remedy would send people the wrong way. */
  readonly remedy?: string;
}

export const CLOSE_OTHER = 'Close the program that has it open, such as a viewer or a virus scanner, and try again.';
export const SHORTER_PATH = 'Use a folder nearer to the root of its drive, or shorter names.';

const NO_READING: Meaning = {
  reason: 'the system refused, because you may not read it or another program has it open',
  remedy: 'Allow it to be read, or close the program that has it open.',
};

/** Where a code means something else to a person who wanted to read. */
const READING: Readonly<Record<string, Meaning>> = {
  ENOENT: { reason: 'it is not there', remedy: 'Check the path, and that its drive is connected.' },
  EPERM: NO_READING,
  EACCES: NO_READING,
};

/** What the system's codes mean to a person who wanted to write. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  EBUSY: { reason: 'another program has it open', remedy: CLOSE_OTHER },
  ETXTBSY: { reason: 'another program has it open', remedy: CLOSE_OTHER },
  EPERM: { reason: 'the system refused, because it is read-only or another program has it open' },
  EACCES: { reason: 'the system refused, because it is read-only or another program has it open' },
  EROFS: { reason: 'the disk is read-only', remedy: 'Choose a place on another disk.' },
  ENOENT: { reason: 'a folder or drive of its path is not there' },
  ENOTDIR: { reason: 'a folder of its path is a file' },
  EISDIR: { reason: 'it is a folder', remedy: 'Write the name of a file.' },
  EEXIST: { reason: 'something of this name is there already' },
  ENOTEMPTY: { reason: 'a folder is not empty, or another program has a file in it open', remedy: CLOSE_OTHER },
  EXDEV: {
    reason: 'the two places are on different drives',
    remedy: 'Choose a folder on the same drive.',
  },
  ENAMETOOLONG: { reason: 'its path or name is too long', remedy: SHORTER_PATH },
  EINVAL: { reason: 'the system does not take this name', remedy: 'Use a name of letters, digits and spaces.' },
  EMFILE: { reason: 'too many files are open', remedy: 'Close other programs and try again.' },
  ENFILE: { reason: 'too many files are open', remedy: 'Close other programs and try again.' },
  EIO: { reason: 'the disk reported an error', remedy: 'Check the disk and its cable.' },
  ENODEV: { reason: 'its drive is not there', remedy: 'Connect the drive and try again.' },
  // Node's name for what Windows says and Node does not know, such as ERROR_VIRUS_INFECTED and ERROR_CLOUD_FILE_….
  UNKNOWN: {
    reason: 'the system refused, as it does for a virus scanner or a file that is only in the cloud',
    remedy: 'Look among the files that the virus scanner blocked, or keep the file on this device, and try again.',
  },
  ENXIO: { reason: 'its drive is not there', remedy: 'Connect the drive and try again.' },
};

/**
 * What it means to a person that a file could not be read, to complete "could not be read: …"; null when the system's code
 * says nothing.
 */
export function readReason(error: unknown): { readonly reason: string; readonly remedy: string | null } | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const code = String(error.code);
  const { reason, remedy = null } = READING[code] ?? MEANINGS[code] ?? {};
  return reason === undefined ? null : { reason: `${reason} (${code})`, remedy };
}

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
  const code = String(error.code);
  const options = { retryable: true, details: { errno: code }, cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `The disk is full: there is no space left to ${doing}.`;
    return new AppError('disk.full', message, { remedy: remedies.full, ...options });
  }
  const { reason, remedy = remedies.other } = MEANINGS[code] ?? {};
  const message = `Could not ${doing}${reason === undefined ? '' : `: ${reason}`} (${code}).`;
  return new AppError('disk.failed', message, { remedy, ...options });
}
