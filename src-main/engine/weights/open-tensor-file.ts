/** Opens a single weights file by its first bytes, not by its name. */
import { fileKindOf, KIND_BYTES } from './file-kind.js';
import { FileTensorSource } from './file-tensor-source.js';
import { readGguf } from './gguf-source.js';
import { withPackedWeights, type PackedWeight } from './packed-source.js';
import { openRandomAccess, type RandomAccess } from './random-access-file.js';
import { closingOnError, readSafetensorsHeader } from './safetensors-source.js';
import type { TensorEntry, TensorSource } from './tensor-source.js';
import { isTorchLegacy, readTorchLegacy } from './torch-legacy.js';
import { readTorchZip } from './torch-zip.js';
import { malformed } from './weights-error.js';

interface Contents {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Weights to present in place of entries that are parts of them. */
  readonly packed?: readonly PackedWeight[];
}

/**
 * Opens a safetensors or GGUF file, or one of `torch.save` in its zip or older format. Nothing in the file is executed.
 *
 * @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype, weights.forbidden-pickle
 */
export async function openTensorFile(path: string): Promise<TensorSource> {
  const access = await openRandomAccess(path);
  return closingOnError([access], async () => {
    const { entries, metadata, packed = [] } = await readTensorFile(access);
    return withPackedWeights(new FileTensorSource(path, [access], entries, metadata), packed);
  });
}

/** The tensors of an open file in one of these formats. @throws AppError as `openTensorFile` */
export async function readTensorFile(access: RandomAccess): Promise<Contents> {
  const start = await access.read(0, Math.min(KIND_BYTES, access.sizeBytes));
  const kind = fileKindOf(start);
  if (kind === 'zip') return { entries: await readTorchZip(access), metadata: {} };
  if (kind === 'gguf') return readGguf(access);
  if (isTorchLegacy(start)) return { entries: await readTorchLegacy(access), metadata: {} };
  if (kind === 'lfs-pointer') {
    throw malformed(access.file, 'is only a Git LFS pointer; the weights themselves were not downloaded.');
  }
  return readSafetensorsHeader(access);
}
