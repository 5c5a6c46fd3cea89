/**
 * Where the entries of a zip file lie, for archives whose entries are stored and not compressed. Reads the directory
 * and, on request, an entry's own header; never data. Written here because ranges into the file are all that is
 * wanted, and unzip libraries hand out contents.
 *
 * @source PKWARE APPNOTE.TXT 6.3, sections 4.3 (records) and 4.5.3 (zip64 field)
 */
import type { RandomAccess } from './random-access-file.js';
import { malformed, quoted } from './weights-error.js';

const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;

/** A torch archive has one entry of about 80 bytes per tensor; FLUX's 1160 would take 100 kB. */
const MAX_DIRECTORY_BYTES = 16 * 2 ** 20;

export interface ZipEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** Byte of the entry's own header. */
  readonly headerOffset: number;
  /** Stored, not compressed or encrypted. */
  readonly stored: boolean;
}

export interface ZipDirectory {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Byte at which the directory starts, and entries end. */
  readonly start: number;
}

/** @throws AppError weights.malformed, weights.unreadable */
export async function readZipDirectory(access: RandomAccess): Promise<ZipDirectory> {
  const { start, length, count } = await readEnd(access);
  const bytes = await access.read(start, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + CENTRAL_BYTES > length || view.getUint32(at, true) !== 0x02014b50) {
      throw malformed(access.file, `has a damaged zip directory at its entry ${index} of ${count}.`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + CENTRAL_BYTES + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > length) throw malformed(access.file, `has a zip directory that ends within its entry ${index}.`);
    const nameStart = at + CENTRAL_BYTES;
    const name = decodeName(bytes.subarray(nameStart, nameStart + nameLength), access.file);
    if (entries.has(name)) throw malformed(access.file, `has the zip entry ${quoted(name)} twice.`);
    const extra = bytes.subarray(nameStart + nameLength, nameStart + nameLength + extraLength);
    entries.set(name, parseEntry(view, at, name, extra, access.file));
    at = next;
  }
  return { entries, start };
}

/**
 * Reads an entry's own header, which says where its data starts.
 *
 * @returns byte of the data, which lies wholly before the directory
 * @throws AppError weights.malformed, weights.unreadable
 */
export async function locateZipData(access: RandomAccess, directory: ZipDirectory, entry: ZipEntry): Promise<number> {
  const label = `has the zip entry ${quoted(entry.name)}`;
  if (!entry.stored) throw malformed(access.file, `${label} compressed or encrypted, expected stored.`);
  if (entry.headerOffset + LOCAL_BYTES > directory.start) {
    throw malformed(access.file, `${label} at byte ${entry.headerOffset}, inside or after its directory.`);
  }
  const header = await access.read(entry.headerOffset, LOCAL_BYTES);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== 0x04034b50) {
    throw malformed(access.file, `${label} at byte ${entry.headerOffset}, but no zip header is there.`);
  }
  const data = entry.headerOffset + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
  if (data + entry.sizeBytes > directory.start) {
    throw malformed(access.file, `${label} reach to byte ${data + entry.sizeBytes}, beyond ${directory.start}.`);
  }
  return data;
}

interface DirectoryPlace {
  readonly start: number;
  readonly length: number;
  readonly count: number;
}

async function readEnd(access: RandomAccess): Promise<DirectoryPlace> {
  const tailLength = Math.min(access.sizeBytes, END_BYTES + MAX_COMMENT_BYTES + LOCATOR_BYTES);
  const tailStart = access.sizeBytes - tailLength;
  const tail = await access.read(tailStart, tailLength);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const end = findEnd(view);
  if (end < 0) throw malformed(access.file, 'has no zip directory at its end; it is incomplete or no zip file.');

  let place: DirectoryPlace = {
    count: view.getUint16(end + 10, true),
    length: view.getUint32(end + 12, true),
    start: view.getUint32(end + 16, true),
  };
  let limit = tailStart + end;
  const locator = end - LOCATOR_BYTES;
  if (locator >= 0 && view.getUint32(locator, true) === 0x07064b50) {
    limit = toOffset(view.getBigUint64(locator + 8, true), access.file);
    place = await readEnd64(access, limit);
  }
  if (!(place.start + place.length <= limit) || place.count * CENTRAL_BYTES > place.length) {
    throw malformed(
      access.file,
      `says that its zip directory has ${place.count} entries in ${place.length} bytes from byte ${place.start}, which cannot be.`,
    );
  }
  if (place.length > MAX_DIRECTORY_BYTES) {
    throw malformed(
      access.file,
      `has a zip directory of ${place.length} bytes; at most ${MAX_DIRECTORY_BYTES} are read.`,
    );
  }
  return place;
}

/** The last end record whose comment reaches exactly to the end of the file. */
function findEnd(view: DataView): number {
  for (let at = view.byteLength - END_BYTES; at >= 0; at--) {
    const fits = at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength;
    if (fits && view.getUint32(at, true) === 0x06054b50) return at;
  }
  return -1;
}

async function readEnd64(access: RandomAccess, position: number): Promise<DirectoryPlace> {
  const bytes = await access.read(position, END64_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0x06064b50) {
    throw malformed(access.file, `has no zip64 record at byte ${position}, where its end says.`);
  }
  return {
    count: toOffset(view.getBigUint64(32, true), access.file),
    length: toOffset(view.getBigUint64(40, true), access.file),
    start: toOffset(view.getBigUint64(48, true), access.file),
  };
}

function parseEntry(view: DataView, at: number, name: string, extra: Uint8Array, file: string): ZipEntry {
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const wide = new Zip64Field(extra, name, file);
  // The zip64 field holds only the values that did not fit, in this order.
  const sizeBytes = wide.resolve(view.getUint32(at + 24, true));
  const compressedBytes = wide.resolve(view.getUint32(at + 20, true));
  const headerOffset = wide.resolve(view.getUint32(at + 42, true));
  return { name, sizeBytes, headerOffset, stored: method === 0 && (flags & 1) === 0 && sizeBytes === compressedBytes };
}

/** Values of 64 bits that stand in for those that are all ones. */
class Zip64Field {
  readonly #field: DataView | undefined;
  readonly #name: string;
  readonly #file: string;
  #at = 0;

  constructor(extra: Uint8Array, name: string, file: string) {
    this.#name = name;
    this.#file = file;
    const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
    for (let at = 0; at + 4 <= extra.byteLength; at += 4 + view.getUint16(at + 2, true)) {
      const length = view.getUint16(at + 2, true);
      if (view.getUint16(at, true) === 1 && at + 4 + length <= extra.byteLength) {
        this.#field = new DataView(extra.buffer, extra.byteOffset + at + 4, length);
        return;
      }
    }
  }

  resolve(value: number): number {
    if (value !== 0xffffffff) return value;
    if (this.#field === undefined || this.#at + 8 > this.#field.byteLength) {
      throw malformed(this.#file, `has the zip entry ${quoted(this.#name)} without its 64-bit size.`);
    }
    const wide = this.#field.getBigUint64(this.#at, true);
    this.#at += 8;
    return toOffset(wide, this.#file);
  }
}

function toOffset(value: bigint, file: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(file, `points at byte ${value} in its zip directory.`);
  return Number(value);
}

function decodeName(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed(file, 'has a zip entry whose name is not UTF-8.', cause);
  }
}
