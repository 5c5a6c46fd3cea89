/** A block's weights as one stretch of memory, and reading it from the files. */
import type { FileHandle } from 'node:fs/promises';
import type { AppError } from '../../../base/app-error.js';
import { readReason } from '../../../base/disk-error.js';
import { openToRead } from '../../../disk/patience.js';
import type { WeightInput } from '../../graph/graph-builder.js';
import { unreadable } from '../../weights/weights-error.js';

/** What kernels expect of an address, and what device allocations are aligned to. */
const ALIGNMENT = 256;

export interface ImagePart {
  readonly weight: WeightInput;
  /** Bytes before it in the image. */
  readonly at: number;
}

export interface WeightImage {
  readonly parts: readonly ImagePart[];
  readonly bytes: number;
}

export function imageOf(weights: readonly WeightInput[]): WeightImage {
  let at = 0;
  const parts = weights.map((weight) => {
    const part = { weight, at };
    at += Math.ceil(weight.place.length / ALIGNMENT) * ALIGNMENT;
    return part;
  });
  return { parts, bytes: at };
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
  readonly modified: number;
}

/** Reads ranges of images. Files stay open, and must stay as they were when they were opened. */
export class ImageReader {
  readonly #files = new Map<string, Promise<OpenFile>>();
  /** Bytes read so far. */
  bytesRead = 0;

  /**
   * Reads [from, from + into.length) of an image; bytes between parts are left as they are.
   * @throws AppError weights.unreadable when a file is gone, shorter or changed;    */
  async read({ parts }: WeightImage, from: number, into: Uint8Array): Promise<void> {
    const to = from + into.length;
    for (const { weight, at } of parts) {
      const { location, offset, length } = weight.place;
      const begin = Math.max(from, at);
      const end = Math.min(to, at + length);
      if (begin >= end) continue;
      await this.#readFile(location, offset + begin - at, into.subarray(begin - from, end - from));
    }
  }

  /** Whether the files are as they were. @throws AppError weights.unreadable */
  async check(): Promise<void> {
    for (const [path, opened] of this.#files) {
      const { handle, size, modified } = await opened;
      const now = await handle.stat();
      if (now.size !== size || now.mtimeMs !== modified) throw changed(path, `${now.size} bytes`, `${size} bytes`);
    }
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) await file.then(({ handle }) => handle.close()).catch(() => undefined);
  }

  async #readFile(path: string, position: number, into: Uint8Array): Promise<void> {
    const { handle } = await this.#open(path);
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await handle
        .read(into, done, into.length - done, position + done)
        .catch((error: unknown) => Promise.reject(failed(path, error)));
      if (bytesRead === 0) throw changed(path, `${position + done} bytes`, `${position + into.length}`);
      done += bytesRead;
    }
    this.bytesRead += done;
  }

  #open(path: string): Promise<OpenFile> {
    let opened = this.#files.get(path);
    if (opened === undefined) {
      opened = openFile(path);
      this.#files.set(path, opened);
    }
    return opened;
  }
}

async function openFile(path: string): Promise<OpenFile> {
  const handle = await openToRead(path).catch((error: unknown) => Promise.reject(failed(path, error)));
  const { size, mtimeMs } = await handle.stat();
  return { handle, size, modified: mtimeMs };
}

function failed(path: string, error: unknown): AppError {
  const { reason, remedy } = readReason(error) ?? { reason: String(error), remedy: null };
  return unreadable(path, `could not be read: ${reason}.`, error, remedy);
}

function changed(path: string, found: string, expected: string): AppError {
  return unreadable(
    path,
    `changed while it was read: found ${found}, expected ${expected}.`,
    undefined,
    'Make the picture again once nothing writes to the file; if it was replaced, import the pack again.',
  );
}
