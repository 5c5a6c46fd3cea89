/** Failures of SQLite as `AppError`s, by their codes. */
import { AppError } from '../base/app-error.js';
import { diskError, type DiskRemedies } from '../base/disk-error.js';

/** Remedies where the data folder could not be written. */
export const DATA_REMEDIES: DiskRemedies = {
  full: 'Free some space, then resume.',
  other: 'Check that the data folder exists, is writable and is on a working disk.',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Wraps what SQLite threw. An `AppError` passes unchanged. */
export function storeError(error: unknown, what: string): unknown {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  const details = { sqliteCode: code, what, reason: error instanceof Error ? error.message : String(error) };
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new AppError('store.busy', 'Another process is using this gallery.', {
      remedy: 'Close the other window of Likeness Lab, or start this one with another data folder.',
      retryable: true,
      details,
      cause: error,
    });
  }
  if (code === 'EBUSY') {
    return new AppError('store.busy', "Another program has the gallery's database open.", {
      remedy: 'Close it, or wait until it is done: a backup, a virus scanner, a viewer of databases. Then start again.',
      retryable: true,
      details,
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new AppError('store.corrupt', `The gallery's database is damaged (${code} while trying to ${what}).`, {
      remedy: 'Your pictures are safe in their folder. Restore the database from its copy, or start with a new one.',
      details,
      cause: error,
    });
  }
  if (code === 'SQLITE_FULL') {
    const full = Object.assign(new Error(code, { cause: error }), { code: 'ENOSPC', syscall: 'write' });
    return diskError(full, what, DATA_REMEDIES);
  }
  if (code.startsWith('SQLITE_IOERR') || code === 'SQLITE_CANTOPEN' || code.startsWith('SQLITE_READONLY')) {
    return new AppError('disk.failed', `The gallery's database cannot be read or written (${code}).`, {
      remedy: DATA_REMEDIES.other,
      details,
      cause: error,
    });
  }
  return new AppError('store.failed', `The gallery's database refused to ${what}${code === '' ? '' : ` (${code})`}.`, {
    remedy: 'Try again; if it happens again, report it with the log file.',
    details,
    cause: error,
  });
}
