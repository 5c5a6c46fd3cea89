/**
 * The format of `torch.save` before 1.6: five pickles (magic number, protocol, system, contents, storage keys), then an
 * element count and raw data per key.
 *
 * @source pytorch torch/serialization.py (`_legacy_save`, `_legacy_load`)
 */
import { unpickle } from './pickle.js';
import { PickleDict, PickleList, type PickleHost, type PickleValue } from './pickle-values.js';
import type { RandomAccess } from './random-access-file.js';
import { DTYPE_BYTES, type TensorEntry } from './tensor-source.js';
import { MAX_PICKLE_BYTES, torchEntries, TorchHost, type StorageRange } from './torch-objects.js';
import { malformed, quoted } from './weights-error.js';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** Bytes of the element count before a storage. */
const COUNT_BYTES = 8;

/** First guess at the pickles' size, which is stored nowhere. */
const FIRST_READ_BYTES = 256 * 1024;

/** Limit of the magic number's end: pickle protocols differ in the bytes before it. */
const MAGIC_SEARCH_BYTES = 32;

/** Whether the first bytes of a file contain the magic number as a pickle writes it: little-endian. */
export function isTorchLegacy(firstBytes: Uint8Array): boolean {
  const hex = Buffer.from(firstBytes.subarray(0, MAGIC_SEARCH_BYTES)).toString('hex');
  return hex.startsWith('80') && hex.includes('6cfc9c46f9206aa85019');
}

/** @throws AppError weights.malformed, weights.forbidden-pickle, weights.unsupported-dtype, weights.unreadable */
export async function readTorchLegacy(access: RandomAccess): Promise<ReadonlyMap<string, TensorEntry>> {
  const { host, contents, keys, end } = await readPickles(access);
  const ranges = new Map<string, StorageRange>();
  let at = end;
  for (const key of keys) {
    const storage = host.storages.get(key);
    if (storage === undefined || ranges.has(key)) {
      throw malformed(access.file, `lists the storage ${quoted(key)}, which no tensor uses or which is listed twice.`);
    }
    const view = new DataView((await access.read(at, COUNT_BYTES)).buffer);
    const elements = view.getBigInt64(0, true);
    if (elements !== BigInt(storage.elements)) {
      throw malformed(
        access.file,
        `has ${elements} elements in the storage ${quoted(key)}, expected ${storage.elements}.`,
      );
    }
    const byteLength = storage.elements * DTYPE_BYTES[storage.dtype];
    const byteOffset = at + COUNT_BYTES;
    if (!(byteOffset + byteLength <= access.sizeBytes)) {
      throw malformed(
        access.file,
        `is incomplete: ${access.sizeBytes} bytes, expected at least ${byteOffset + byteLength}.`,
      );
    }
    ranges.set(key, { byteOffset, byteLength });
    at = byteOffset + byteLength;
  }
  return torchEntries(contents, access.file, ({ key }) => {
    const range = ranges.get(key);
    if (range === undefined) throw malformed(access.file, `has no data for the storage ${quoted(key)}.`);
    return range;
  });
}

interface LegacyPickles {
  readonly host: TorchHost;
  readonly contents: PickleValue;
  readonly keys: readonly string[];
  /** Byte after the last pickle. */
  readonly end: number;
}

async function readPickles(access: RandomAccess): Promise<LegacyPickles> {
  const limit = Math.min(access.sizeBytes, MAX_PICKLE_BYTES);
  for (let length = Math.min(limit, FIRST_READ_BYTES); ; length = Math.min(limit, length * 4)) {
    const result = parsePickles(await access.read(0, length), access.file);
    if (result !== undefined) return result;
    if (length === limit) {
      throw malformed(access.file, `describes its tensors in more than ${limit} bytes; it is incomplete or damaged.`);
    }
  }
}

/** @returns undefined when the bytes end before the pickles do */
function parsePickles(bytes: Uint8Array, file: string): LegacyPickles | undefined {
  const plain = new PlainHost(file);
  const magic = unpickle(bytes, 0, plain);
  if (magic === undefined) return undefined;
  if (magic.value !== MAGIC) throw malformed(file, 'does not start with the magic number of torch.');
  const protocol = unpickle(bytes, magic.end, plain);
  if (protocol === undefined) return undefined;
  if (protocol.value !== PROTOCOL) {
    throw malformed(file, `has another version of torch's format than ${PROTOCOL}.`);
  }
  const system = unpickle(bytes, protocol.end, plain);
  if (system === undefined) return undefined;
  if (!(system.value instanceof PickleDict) || system.value.map.get('little_endian') !== true) {
    throw malformed(file, 'was not written on a little-endian machine.');
  }
  const host = new TorchHost(file);
  const contents = unpickle(bytes, system.end, host);
  if (contents === undefined) return undefined;
  const keys = unpickle(bytes, contents.end, plain);
  if (keys === undefined) return undefined;
  return { host, contents: contents.value, keys: textItems(keys.value, file), end: keys.end };
}

function textItems(value: PickleValue, file: string): string[] {
  const items = value instanceof PickleList ? value.items : undefined;
  if (items === undefined || !items.every((item) => typeof item === 'string')) {
    throw malformed(file, 'has no list of its storages.');
  }
  return items;
}

/** For pickles that need no classes. */
class PlainHost implements PickleHost {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  findGlobal(): undefined {
    return undefined;
  }

  persistentLoad(): never {
    throw malformed(this.file, 'refers to a storage where none is allowed.');
  }
}
