/** The `TensorSource` of all formats: entries that refer to open files. */
import { AppError } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import { decodeIntoF32 } from './decode.js';
import type { RandomAccess } from './random-access-file.js';
import { DTYPE_BYTES, elementCount, type TensorEntry, type TensorSource } from './tensor-source.js';
import { quoted, unsupportedDtype } from './weights-error.js';

/** Bytes decoded at a time, so that reading a tensor as f32 needs no second copy. A multiple of every dtype. */
const DECODE_BYTES = 4 * 2 ** 20;

/** Owns its files and closes them. */
export class FileTensorSource implements TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #files: ReadonlyMap<string, RandomAccess>;
  /** Name of the checkpoint in messages. */
  readonly #path: string;

  constructor(
    path: string,
    files: readonly RandomAccess[],
    entries: ReadonlyMap<string, TensorEntry>,
    metadata: Readonly<Record<string, string>>,
  ) {
    this.#path = path;
    this.#files = new Map(files.map((access) => [access.file, access]));
    this.entries = entries;
    this.metadata = metadata;
  }

  async readBytes(name: string): Promise<Uint8Array> {
    const entry = this.#entry(name);
    return this.#access(entry).read(entry.byteOffset, entry.byteLength);
  }

  async readF32(name: string): Promise<Float32Array> {
    const entry = this.#entry(name);
    if (entry.dtype === 'F4') throw unsupportedDtype(entry.file, name, entry.dtype);
    const access = this.#access(entry);
    const out = new Float32Array(elementCount(entry.shape));
    const chunk = DECODE_BYTES / DTYPE_BYTES[entry.dtype];
    for (let start = 0; start < out.length; start += chunk) {
      const part = out.subarray(start, start + chunk);
      const position = entry.byteOffset + start * DTYPE_BYTES[entry.dtype];
      decodeIntoF32(entry.dtype, await access.read(position, part.length * DTYPE_BYTES[entry.dtype]), part);
    }
    return out;
  }

  async readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array> {
    const entry = this.#entry(name);
    if (byteStart < 0 || byteLength < 0 || byteStart + byteLength > entry.byteLength) {
      throw new AppError(
        'weights.wrong-shape',
        `"${name}" in ${entry.file} has ${entry.byteLength} bytes; bytes ${byteStart} to ${byteStart + byteLength} were requested.`,
        { remedy: 'The checkpoint is of another model than its config.json says.', details: { file: entry.file } },
      );
    }
    return this.#access(entry).read(entry.byteOffset + byteStart, byteLength);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((access) => access.close()));
  }

  #entry(name: string): TensorEntry {
    const entry = this.entries.get(name);
    if (entry !== undefined) return entry;
    throw new AppError(
      'weights.missing-tensor',
      `The checkpoint ${this.#path} has no tensor ${quoted(name)}; it has ${this.entries.size} others.`,
      {
        remedy: 'It is incomplete or of another model. Download the one that the pack names.',
        details: { file: this.#path, tensor: name },
      },
    );
  }

  #access(entry: TensorEntry): RandomAccess {
    return defined(this.#files.get(entry.file), `open file of tensor ${entry.name}`);
  }
}
