/** Failures of SQLite and of the file system as `AppError`s, by their codes; nobody above reads foreign messages. */
import { AppError } from '../base/app-error.js';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Wraps what SQLite threw. An `AppError` passes unchanged. */
export function storeError(error: unknown, what: string): AppError {
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
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new AppError('store.corrupt', `The gallery's database is damaged (${code} while trying to ${what}).`, {
      remedy: 'Your pictures are safe in their folder. Restore the database from its copy, or start with a new one.',
      details,
      cause: error,
    });
  }
  if (code === 'SQLITE_FULL')
    return diskError(Object.assign(new Error(code, { cause: error }), { code: 'ENOSPC' }), what);
  if (code.startsWith('SQLITE_IOERR') || code === 'SQLITE_CANTOPEN' || code.startsWith('SQLITE_READONLY')) {
    return new AppError('disk.failed', `The gallery's database cannot be read or written (${code}).`, {
      remedy: 'Check that the data folder exists, is writable and is on a working disk.',
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

/** Wraps a file-system failure. `what` completes "could not …". */
export function diskError(error: unknown, what: string): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new AppError(
    full ? 'disk.full' : 'disk.failed',
    full ? `The disk is full: could not ${what}.` : `Could not ${what} (${code === '' ? 'unknown failure' : code}).`,
    {
      remedy: full
        ? 'Free some space, then resume.'
        : 'Check that the data folder exists, is writable and is on a working disk.',
      retryable: true,
      details: { errno: code, what },
      cause: error,
    },
  );
}
