/** Ranged reads; an interface, so that tests can supply bytes. */
import { stat, type FileHandle } from 'node:fs/promises';
import { readReason } from '../../base/disk-error.js';
import { openToRead } from '../../disk/patience.js';
import { malformed, unreadable } from './weights-error.js';

/** A file of any size, never read whole. */
export interface RandomAccess {
  /** Path of the file, for entries and messages. */
  readonly file: string;
  readonly sizeBytes: number;
  /**
   * Exactly `length` bytes from `position`, in a new array.
   * @throws AppError weights.malformed for a range outside the file, weights.unreadable when the read fails
   */
  read(position: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes per system call, below its limit of 2^31. */
const READ_BYTES = 2 ** 30;

/** Size limit of one range: four times the largest tensor of T5-XXL, FLUX or InfuseNet (526 MB in F32). */
const MAX_RANGE_BYTES = 2 ** 31;

/** @throws AppError weights.unreadable when the path is not a regular file or cannot be opened */
export async function openRandomAccess(file: string): Promise<RandomAccess> {
  let handle: FileHandle;
  try {
    // Before opening, since opening a named pipe would wait for its writer.
    if (!(await stat(file)).isFile()) throw unreadable(file, 'is not a file.');
    handle = await openToRead(file);
  } catch (cause) {
    throw openError(file, cause);
  }
  try {
    return new FileAccess(file, handle, (await handle.stat()).size);
  } catch (cause) {
    await handle.close();
    throw openError(file, cause);
  }
}

/** Rejects a range outside the file before memory is allocated for it. */
export function checkRange(source: RandomAccess, position: number, length: number): void {
  const inside = Number.isSafeInteger(position) && Number.isSafeInteger(length) && position >= 0 && length >= 0;
  if (!inside || position + length > source.sizeBytes) {
    throw malformed(
      source.file,
      `is ${source.sizeBytes} bytes long, but its contents refer to ${length} bytes from byte ${position}.`,
    );
  }
}

class FileAccess implements RandomAccess {
  readonly file: string;
  readonly sizeBytes: number;
  readonly #handle: FileHandle;

  constructor(file: string, handle: FileHandle, sizeBytes: number) {
    this.file = file;
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    checkRange(this, position, length);
    if (length > MAX_RANGE_BYTES) {
      throw unreadable(this.file, `has a range of ${length} bytes; at most ${MAX_RANGE_BYTES} are read at once.`);
    }
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      let count: number;
      try {
        const wanted = Math.min(READ_BYTES, length - done);
        ({ bytesRead: count } = await this.#handle.read(bytes, done, wanted, position + done));
      } catch (cause) {
        const meaning = readReason(cause);
        const reason = meaning === null ? '' : `: ${meaning.reason}`;
        throw unreadable(this.file, `could not be read at byte ${position + done}${reason}.`, cause, meaning?.remedy);
      }
      if (count === 0) {
        throw unreadable(
          this.file,
          `ended early: ${done} bytes from byte ${position}, expected ${length}. It was truncated after it was opened.`,
        );
      }
      done += count;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function openError(file: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause) || !('syscall' in cause)) return cause;
  if (cause.code === 'ENOENT') return unreadable(file, 'does not exist.', cause);
  const meaning = readReason(cause);
  return unreadable(file, `could not be opened: ${meaning?.reason ?? String(cause.code)}.`, cause, meaning?.remedy);
}
