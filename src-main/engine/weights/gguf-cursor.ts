/** Reads the fields of a GGUF header one after the other. Sizes are checked against the file before they are used. */
import { malformed, quoted } from './weights-error.js';

/** T5's header, with its tokenizer, has 1 MB; those of language models reach 10. */
export const MAX_GGUF_HEADER_BYTES = 64 * 2 ** 20;

/** Thrown when the header goes on behind the bytes at hand, but not behind the file's end. */
export class MoreBytes extends Error {
  /** From the start of the file. */
  readonly needed: number;

  constructor(needed: number) {
    super(`needs ${needed} bytes`);
    this.needed = needed;
  }
}

const NUMBER_BYTES = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, f64: 8 } as const;
export type NumberType = keyof typeof NUMBER_BYTES;
const LENGTH_BYTES = 8;

/** `field` completes messages, such as "the number of keys". @throws AppError weights.malformed; MoreBytes */
export class GgufCursor {
  readonly file: string;
  readonly fileSize: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /**
   * @param bytes the first bytes of the file
   * @param file path for messages
   * @param fileSize bytes of the whole file
   */
  constructor(bytes: Uint8Array, file: string, fileSize: number) {
    this.file = file;
    this.fileSize = fileSize;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Position from the start of the file. */
  get at(): number {
    return this.#at;
  }

  number(field: string, type: NumberType): number {
    const at = this.#take(NUMBER_BYTES[type], field);
    switch (type) {
      case 'u8':
        return this.#view.getUint8(at);
      case 'i8':
        return this.#view.getInt8(at);
      case 'u16':
        return this.#view.getUint16(at, true);
      case 'i16':
        return this.#view.getInt16(at, true);
      case 'u32':
        return this.#view.getUint32(at, true);
      case 'i32':
        return this.#view.getInt32(at, true);
      case 'f32':
        return this.#view.getFloat32(at, true);
      case 'f64':
        return this.#view.getFloat64(at, true);
    }
  }

  bigint(field: string, type: 'u64' | 'i64'): bigint {
    const at = this.#take(8, field);
    return type === 'u64' ? this.#view.getBigUint64(at, true) : this.#view.getBigInt64(at, true);
  }

  /** A u64 that is at most `max`. */
  count(field: string, max: number): number {
    const value = this.bigint(field, 'u64');
    if (value <= BigInt(max)) return Number(value);
    throw malformed(this.file, `has ${value} for ${field}, expected at most ${max}.`);
  }

  /** The number of elements of an array, which have at least `bytes` each. */
  elements(field: string, bytes: number): number {
    const value = this.bigint(field, 'u64');
    const left = this.fileSize - this.#at;
    if (value * BigInt(bytes) <= BigInt(left)) return Number(value);
    throw malformed(this.file, `has ${value} for ${field}, but only ${left} bytes follow.`);
  }

  /** A name: a length and so many bytes of UTF-8. */
  name(field: string, maxBytes: number): string {
    const length = this.count(`the length of ${field}`, maxBytes);
    const at = this.#take(length, field);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#bytes.subarray(at, at + length));
    } catch (cause) {
      throw malformed(this.file, `has bytes that are not UTF-8 in ${field}.`, cause);
    }
  }

  /** So many bytes of text; what is not UTF-8 becomes U+FFFD. */
  text(field: string, length: number): string {
    const at = this.#take(length, field);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#bytes.subarray(at, at + length));
  }

  skip(field: string, length: number): void {
    this.#take(length, field);
  }

  /** Skips lengths with so many bytes each. */
  skipStrings(field: string, count: number, maxBytes: number): void {
    for (let index = 0; index < count; index++) {
      if (this.#at + LENGTH_BYTES > this.#bytes.length) this.#take(LENGTH_BYTES, field);
      const length = this.#view.getUint32(this.#at, true);
      const high = this.#view.getUint32(this.#at + 4, true);
      if (high !== 0 || length > maxBytes) {
        throw malformed(
          this.file,
          `has a string of ${high * 2 ** 32 + length} bytes in ${field}, expected at most ${maxBytes}.`,
        );
      }
      this.#at += LENGTH_BYTES + length;
    }
    this.#take(0, field);
  }

  /** The start of the file. @throws AppError weights.malformed when it is another */
  expect(magic: string, field: string): void {
    const found = this.text(field, magic.length);
    if (found !== magic) throw malformed(this.file, `has ${quoted(found)} for ${field}, expected "${magic}".`);
  }

  /** @returns the position of so many bytes, which are behind the cursor then */
  #take(length: number, field: string): number {
    const at = this.#at;
    const end = at + length;
    if (end > this.fileSize) {
      throw malformed(
        this.file,
        `is incomplete: ${this.fileSize} bytes, which end before ${field}; that ends at byte ${end}.`,
      );
    }
    if (end > MAX_GGUF_HEADER_BYTES) {
      throw malformed(this.file, `has a header of more than ${MAX_GGUF_HEADER_BYTES} bytes: ${field} ends at ${end}.`);
    }
    if (end > this.#bytes.length) throw new MoreBytes(end);
    this.#at = end;
    return at;
  }
}
