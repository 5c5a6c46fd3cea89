/** A file that lies in memory, whole or as parts at far positions, for readers that take a `RandomAccess`. */
import { checkRange, type RandomAccess } from '../../../src-main/engine/weights/random-access-file.js';

/** Bytes at a position; what lies between parts reads as zeros. */
export interface FilePart {
  readonly position: number;
  readonly bytes: Uint8Array;
}

export class MemoryAccess implements RandomAccess {
  readonly file: string;
  readonly sizeBytes: number;
  /** Largest range asked for. */
  largestRead = 0;
  readonly #parts: readonly FilePart[];

  constructor(parts: Uint8Array | readonly FilePart[], sizeBytes?: number, file = 'memory.bin') {
    this.#parts = parts instanceof Uint8Array ? [{ position: 0, bytes: parts }] : parts;
    this.sizeBytes = sizeBytes ?? Math.max(...this.#parts.map(({ position, bytes }) => position + bytes.byteLength));
    this.file = file;
  }

  read(position: number, length: number): Promise<Uint8Array> {
    return Promise.resolve().then(() => {
      checkRange(this, position, length);
      this.largestRead = Math.max(this.largestRead, length);
      const result = new Uint8Array(length);
      for (const part of this.#parts) {
        const from = Math.max(0, position - part.position);
        const to = Math.min(part.bytes.byteLength, position + length - part.position);
        if (from < to) result.set(part.bytes.subarray(from, to), part.position + from - position);
      }
      return result;
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
