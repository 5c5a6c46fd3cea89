/**
 * Replaces, renames and deletes files, the only place that does, and opens those that a scanner may hold. On Windows a file cannot be renamed or deleted while
 * another process has it open, as virus scanners, the search index and viewers do for a moment after it was written; what
 * fails so is tried again for a bounded time. Other systems know no such locks: there the first failure is the answer.
 */
import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { copyFile, open, readFile, rename, rm, rmdir, type FileHandle } from 'node:fs/promises';

/** Codes of a file that is held. `EPERM` and `EACCES` may as well be missing rights; only time tells them apart. */
const HELD: ReadonlySet<unknown> = new Set(['EBUSY', 'EPERM', 'EACCES', 'ENOTEMPTY']);

/** Milliseconds between the tries, 4.1 s in all: longer than a scanner reads a picture, shorter than a person waits. */
const WAITS_MS: readonly number[] = [10, 30, 60, 100, 200, 400, 600, 800, 900, 1000];

export interface Patience {
  readonly waitsMs: readonly number[];
  readonly sleep: (ms: number) => Promise<void>;
  readonly sleepSync: (ms: number) => void;
}

/** How a system's locks are waited for. */
export function patienceOf(platform: NodeJS.Platform): Patience {
  return {
    waitsMs: platform === 'win32' ? WAITS_MS : [],
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
    sleepSync: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  };
}

const PATIENCE = patienceOf(process.platform);

/** Whether a call failed on a file that another process has open, or that cannot be told from one; also out of an `AppError`. */
export function isHeld(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && HELD.has(error.code)) || isHeld(error.cause);
}

/** Whether a file could not be opened because another program has it to itself. Missing rights have other codes. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBUSY';
}

/** Repeats a call while its file is held. @throws the last failure, or at once any other */
export async function patiently<T>(act: () => Promise<T>, patience = PATIENCE, waitsFor = isHeld): Promise<T> {
  for (const ms of patience.waitsMs) {
    try {
      return await act();
    } catch (error) {
      if (!waitsFor(error)) throw error;
      await patience.sleep(ms);
    }
  }
  return act();
}

/** For code that runs before anybody waits, such as at start. */
export function patientlySync<T>(act: () => T, patience = PATIENCE, waitsFor = isHeld): T {
  for (const ms of patience.waitsMs) {
    try {
      return act();
    } catch (error) {
      if (!waitsFor(error)) throw error;
      patience.sleepSync(ms);
    }
  }
  return act();
}

/** Renames a file or folder; a file of the new name is replaced. */
export const renameFile = (from: string, to: string): Promise<void> => patiently(() => rename(from, to));
export const renameFileSync = (from: string, to: string): void => patientlySync(() => renameSync(from, to));

/** Deletes a file, if it is there. */
export const removeFile = (path: string): Promise<void> => patiently(() => rm(path, { force: true }));
export const removeFileSync = (path: string): void => patientlySync(() => rmSync(path, { force: true }));

/** Deletes a folder with all that is in it, if it is there. */
export const removeFolder = (path: string): Promise<void> =>
  patiently(() => rm(path, { recursive: true, force: true }));

/** Deletes a folder, which must be empty. @throws ENOTEMPTY at once: what is in it is not on its way out */
export const removeEmptyFolder = (path: string): Promise<void> => rmdir(path);

/** Copies a file; one of the new name is overwritten. */
export const copyOver = (from: string, to: string): Promise<void> => patiently(() => copyFile(from, to));

/** Opens a file to read it. Not patient with missing rights, so that a search over many files does not wait for each. */
export const openToRead = (path: string): Promise<FileHandle> => patiently(() => open(path, 'r'), PATIENCE, isBusy);

/** The whole file, with the patience of `openToRead`. */
export const readWhole = (path: string): Promise<Buffer> => patiently(() => readFile(path), PATIENCE, isBusy);

/** Whether another program has a file open for itself at this moment. A missing file is free. */
export function isOpenElsewhere(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'));
    return false;
  } catch (error) {
    return isBusy(error);
  }
}
