/**
 * The zip format of `torch.save` (torch 1.6 and later): `ROOT/data.pkl` describes tensors, `ROOT/data/KEY` contains their
 * storages.
 *
 * @source pytorch torch/serialization.py (`_save`, `_load`), caffe2/serialize/inline_container.h
 */
import { unpickle } from './pickle.js';
import type { RandomAccess } from './random-access-file.js';
import { DTYPE_BYTES, type TensorEntry } from './tensor-source.js';
import { MAX_PICKLE_BYTES, torchEntries, TorchHost, type StorageRange, type TorchStorage } from './torch-objects.js';
import { malformed, quoted } from './weights-error.js';
import { locateZipData, readZipDirectory, type ZipDirectory } from './zip-directory.js';

/** "little" or "big". */
const MAX_BYTE_ORDER_BYTES = 16;

/** @throws AppError weights.malformed, weights.forbidden-pickle, weights.unsupported-dtype, weights.unreadable */
export async function readTorchZip(access: RandomAccess): Promise<ReadonlyMap<string, TensorEntry>> {
  const directory = await readZipDirectory(access);
  const root = findRoot(directory, access.file);
  await checkByteOrder(access, directory, root);

  const pickle = await readEntry(access, directory, `${root}data.pkl`, MAX_PICKLE_BYTES);
  const host = new TorchHost(access.file);
  const result = unpickle(pickle, 0, host);
  if (result === undefined) throw malformed(access.file, 'has a data.pkl that ends in the middle.');

  const ranges = new Map<string, StorageRange>();
  for (const storage of host.storages.values()) {
    ranges.set(storage.key, await locateStorage(access, directory, root, storage));
  }
  checkOverlap(ranges, access.file);
  return torchEntries(result.value, access.file, ({ key }) => {
    const range = ranges.get(key);
    if (range === undefined) throw malformed(access.file, `has no data for the storage ${quoted(key)}.`);
    return range;
  });
}

/** The folder in the archive, with its slash; torch uses the file's name. */
function findRoot(directory: ZipDirectory, file: string): string {
  const pickles = [...directory.entries.keys()].filter(
    (name) => name === 'data.pkl' || /^[^/]+\/data\.pkl$/.test(name),
  );
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw malformed(
      file,
      `is a zip file with ${pickles.length} entries named data.pkl, expected one: it is not torch's.`,
    );
  }
  return pickle.slice(0, -'data.pkl'.length);
}

async function checkByteOrder(access: RandomAccess, directory: ZipDirectory, root: string): Promise<void> {
  const name = `${root}byteorder`;
  if (!directory.entries.has(name)) return; // torch before 2.1 wrote little-endian without this entry
  const order = new TextDecoder().decode(await readEntry(access, directory, name, MAX_BYTE_ORDER_BYTES));
  if (order !== 'little')
    throw malformed(access.file, `is stored in the byte order ${quoted(order)}, expected "little".`);
}

async function readEntry(
  access: RandomAccess,
  directory: ZipDirectory,
  name: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const { byteOffset, byteLength } = await locateZipData(access, directory, name);
  if (byteLength > maxBytes) {
    throw malformed(access.file, `has ${byteLength} bytes in ${quoted(name)}; at most ${maxBytes} are read.`);
  }
  return access.read(byteOffset, byteLength);
}

async function locateStorage(
  access: RandomAccess,
  directory: ZipDirectory,
  root: string,
  storage: TorchStorage,
): Promise<StorageRange> {
  const name = `${root}data/${storage.key}`;
  const range = await locateZipData(access, directory, name);
  const expected = storage.elements * DTYPE_BYTES[storage.dtype];
  if (range.byteLength === expected) return range;
  throw malformed(
    access.file,
    `has ${range.byteLength} bytes in ${quoted(name)}, expected ${expected} for ${storage.elements} of ${storage.dtype}.`,
  );
}

function checkOverlap(ranges: ReadonlyMap<string, StorageRange>, file: string): void {
  const sorted = [...ranges].sort(([, a], [, b]) => a.byteOffset - b.byteOffset);
  let end = 0;
  for (const [key, range] of sorted) {
    if (range.byteLength === 0) continue;
    if (range.byteOffset < end) throw malformed(file, `has the storage ${quoted(key)} on top of another.`);
    end = range.byteOffset + range.byteLength;
  }
}
