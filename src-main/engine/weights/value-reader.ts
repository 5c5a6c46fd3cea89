/**
 * Reads numbers at places in files, synchronously: in worker threads, and for the small factors of LoRAs. Owns a handle
 * of each file until `close`.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { decodeToF32 } from './decode.js';
import { DTYPE_BYTES, type StoredMatrix, type StoredValues } from './tensor-source.js';
import { unreadable } from './weights-error.js';

/** Numbers at places in files. */
export interface ValueStore {
  /** `count` elements from the element `first` on. @throws AppError weights.unreadable */
  read(place: StoredValues, first: number, count: number): Float32Array;
}

export class ValueReader implements ValueStore {
  readonly #handles = new Map<string, number>();

  read({ file, byteOffset, dtype }: StoredValues, first: number, count: number): Float32Array {
    const bytes = new Uint8Array(count * DTYPE_BYTES[dtype]);
    const position = byteOffset + first * DTYPE_BYTES[dtype];
    for (let done = 0; done < bytes.length;) {
      let read: number;
      try {
        read = readSync(this.#handle(file), bytes, done, bytes.length - done, position + done);
      } catch (cause) {
        throw unreadable(file, `could not be read: ${cause instanceof Error ? cause.message : String(cause)}.`, cause);
      }
      if (read === 0) {
        throw unreadable(file, `ends at byte ${position + done}, but is read to byte ${position + bytes.length}.`);
      }
      done += read;
    }
    return decodeToF32(dtype, bytes);
  }

  close(): void {
    for (const handle of this.#handles.values()) closeSync(handle);
    this.#handles.clear();
  }

  #handle(file: string): number {
    let handle = this.#handles.get(file);
    if (handle === undefined) {
      handle = openSync(file, 'r');
      this.#handles.set(file, handle);
    }
    return handle;
  }
}

/** Values read at a time: 1 MiB in f32. */
const BLOCK_VALUES = 2 ** 18;

/** The rows of a stored matrix, one block of them in memory. */
export class RowReader {
  readonly #store: ValueStore;
  readonly #matrix: StoredMatrix;
  readonly #blockRows: number;
  #first = -1;
  #block: Float32Array = new Float32Array(0);

  constructor(store: ValueStore, matrix: StoredMatrix) {
    this.#store = store;
    this.#matrix = matrix;
    this.#blockRows = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(1, matrix.columns)));
  }

  /** A view that the next call may overwrite. @throws AppError weights.unreadable */
  row(index: number): Float32Array {
    const { rows, columns } = this.#matrix;
    const first = index - (index % this.#blockRows);
    if (first !== this.#first) {
      const count = Math.min(this.#blockRows, rows - first);
      this.#block = this.#store.read(this.#matrix, first * columns, count * columns);
      this.#first = first;
    }
    const begin = (index - first) * columns;
    return this.#block.subarray(begin, begin + columns);
  }
}
