/** Opens a single weights file by its first bytes, not by its name. */
import { FileTensorSource } from './file-tensor-source.js';
import { openRandomAccess, type RandomAccess } from './random-access-file.js';
import { closingOnError, readSafetensorsHeader } from './safetensors-source.js';
import type { TensorEntry, TensorSource } from './tensor-source.js';
import { isTorchLegacy, MAGIC_SEARCH_BYTES, readTorchLegacy } from './torch-legacy.js';
import { readTorchZip } from './torch-zip.js';
import { malformed } from './weights-error.js';

interface Contents {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Opens a safetensors file or one of `torch.save`, in its zip or older format. Nothing in the file is executed.
 *
 * @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype, weights.forbidden-pickle
 */
export async function openTensorFile(path: string): Promise<TensorSource> {
  const access = await openRandomAccess(path);
  return closingOnError([access], async () => {
    const { entries, metadata } = await readTensorFile(access);
    return new FileTensorSource(path, [access], entries, metadata);
  });
}

/** The tensors of an open file in one of these formats. @throws AppError as `openTensorFile` */
export async function readTensorFile(access: RandomAccess): Promise<Contents> {
  const start = await access.read(0, Math.min(MAGIC_SEARCH_BYTES, access.sizeBytes));
  const text = Buffer.from(start).toString('latin1');
  if (text.startsWith('PK\x03\x04')) return { entries: await readTorchZip(access), metadata: {} };
  if (isTorchLegacy(start)) return { entries: await readTorchLegacy(access), metadata: {} };
  if (text.startsWith('version https://git-lfs')) {
    throw malformed(access.file, 'is only a Git LFS pointer; the weights themselves were not downloaded.');
  }
  return readSafetensorsHeader(access);
}
