/** Opens a single weights file by what its first bytes say, not by its name. */
import { FileTensorSource } from './file-tensor-source.js';
import { openRandomAccess, type RandomAccess } from './random-access-file.js';
import { closingOnError, readSafetensorsHeader } from './safetensors-source.js';
import type { TensorEntry, TensorSource } from './tensor-source.js';
import { isTorchLegacy, MAGIC_SEARCH_BYTES, readTorchLegacy } from './torch-legacy.js';
import { readTorchZip } from './torch-zip.js';
import { malformed, quoted } from './weights-error.js';

interface Contents {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Opens what `torch.save` wrote, in its zip or its older format. Nothing in the file is executed.
 *
 * @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype, weights.forbidden-pickle
 */
export async function openTorch(path: string): Promise<TensorSource> {
  return openAs(path, readTorch);
}

/**
 * Opens a safetensors file or what `torch.save` wrote.
 *
 * @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype, weights.forbidden-pickle
 */
export async function openTensorFile(path: string): Promise<TensorSource> {
  return openAs(path, readTensorFile);
}

/** The tensors of an open file of either format. @throws AppError as `openTensorFile` */
export async function readTensorFile(access: RandomAccess): Promise<Contents> {
  const start = await firstBytes(access);
  if (isZip(start) || isTorchLegacy(start)) return readTorch(access);
  const text = Buffer.from(start).toString('latin1');
  if (text.startsWith('version https://git-lfs')) {
    throw malformed(access.file, 'is only a Git LFS pointer; the weights themselves were not downloaded.');
  }
  return readSafetensorsHeader(access);
}

async function readTorch(access: RandomAccess): Promise<Contents> {
  const start = await firstBytes(access);
  if (isZip(start)) return { entries: await readTorchZip(access), metadata: {} };
  if (isTorchLegacy(start)) return { entries: await readTorchLegacy(access), metadata: {} };
  const found = quoted(Buffer.from(start.subarray(0, 8)).toString('latin1'));
  throw malformed(access.file, `starts with ${found}, expected a file that torch.save wrote.`);
}

function firstBytes(access: RandomAccess): Promise<Uint8Array> {
  return access.read(0, Math.min(MAGIC_SEARCH_BYTES, access.sizeBytes));
}

function isZip(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(0, 4)).toString('latin1') === 'PK\x03\x04';
}

async function openAs(path: string, read: (access: RandomAccess) => Promise<Contents>): Promise<TensorSource> {
  const access = await openRandomAccess(path);
  return closingOnError([access], async () => {
    const { entries, metadata } = await read(access);
    return new FileTensorSource(path, [access], entries, metadata);
  });
}
