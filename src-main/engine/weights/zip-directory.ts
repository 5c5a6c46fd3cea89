/**
 * Places of the entries of a zip file whose entries are stored, not compressed, with zip64. yauzl reads the directory and
 * an entry's own header; data is read in place.
 */
import { fromRandomAccessReaderPromise, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';
import { AppError } from '../../base/app-error.js';
import type { RandomAccess } from './random-access-file.js';
import { malformed, quoted } from './weights-error.js';

/** A torch archive has an entry of about 80 bytes per tensor; FLUX's 1160 would take 100 kB. */
const MAX_DIRECTORY_BYTES = 16 * 2 ** 20;

export interface ZipDirectory {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly zip: ZipFile;
  /** Start of the directory, and end of the entries. */
  readonly start: number;
}

class Reader extends RandomAccessReader {
  readonly #access: RandomAccess;

  constructor(access: RandomAccess) {
    super();
    this.#access = access;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null) => void,
  ): void {
    this.#access.read(position, length).then((bytes) => {
      buffer.set(bytes, offset);
      done(null);
    }, done);
  }
}

/** @throws AppError weights.malformed, weights.unreadable */
export async function readZipDirectory(access: RandomAccess): Promise<ZipDirectory> {
  const entries = new Map<string, Entry>();
  try {
    const options = { autoClose: false, decodeStrings: false };
    const zip = await fromRandomAccessReaderPromise(new Reader(access), access.sizeBytes, options);
    // Declared as a boolean by its types.
    const start = Number(zip.readEntryCursor);
    if (access.sizeBytes - start > MAX_DIRECTORY_BYTES) {
      throw malformed(
        access.file,
        `has a zip directory from byte ${start} on; at most ${MAX_DIRECTORY_BYTES} bytes at the end are read.`,
      );
    }
    for await (const entry of zip.eachEntry()) {
      const name = decodeName(entry.fileNameRaw, access.file);
      if (entries.has(name)) throw malformed(access.file, `has the zip entry ${quoted(name)} twice.`);
      entries.set(name, entry);
    }
    return { entries, zip, start };
  } catch (error) {
    throw zipError(access.file, error);
  }
}

/**
 * Reads an entry's own header, which gives the start of its data.
 * @returns place of the data, completely before the directory
 * @throws AppError weights.malformed, weights.unreadable
 */
export async function locateZipData(
  access: RandomAccess,
  { entries, zip, start }: ZipDirectory,
  name: string,
): Promise<{ readonly byteOffset: number; readonly byteLength: number }> {
  const entry = entries.get(name);
  if (entry === undefined) throw malformed(access.file, `has no zip entry ${quoted(name)}.`);
  const label = `has the zip entry ${quoted(name)}`;
  if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
    throw malformed(access.file, `${label} compressed or encrypted, expected stored.`);
  }
  const byteLength = entry.uncompressedSize;
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true }).catch((error: unknown) => {
    throw zipError(access.file, error);
  });
  if (fileDataStart + byteLength > start) {
    throw malformed(access.file, `${label} reach to byte ${fileDataStart + byteLength}, beyond ${start}.`);
  }
  return { byteOffset: fileDataStart, byteLength };
}

/** yauzl throws plain errors for bytes that break the format; our own read errors pass unchanged. */
function zipError(file: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  return malformed(
    file,
    `is damaged, incomplete or not a zip file (${error instanceof Error ? error.message : String(error)}).`,
    error,
  );
}

function decodeName(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed(file, 'has a zip entry whose name is not UTF-8.', cause);
  }
}
