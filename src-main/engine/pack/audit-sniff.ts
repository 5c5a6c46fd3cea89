/**
 * Identifies a file by its first bytes before any reader opens it, so that a file of the wrong kind is named and not
 * called damaged.
 */
import { AppError } from '../../base/app-error.js';
import { fileKindOf, KIND_BYTES, type FileKind } from '../weights/file-kind.js';
import type { GgufTensor } from '../weights/gguf-header.js';
import { readGgufHeader } from '../weights/gguf-source.js';
import { openRandomAccess, type RandomAccess } from '../weights/random-access-file.js';
import { LENGTH_BYTES, parseHeaderLength, parseSafetensorsHeader } from '../weights/safetensors-header.js';
import type { TensorEntry } from '../weights/tensor-source.js';

export interface SniffedFile {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** The first bytes. */
  readonly start: Uint8Array;
  /** safetensors and GGUF: file size by the header; null for other files and unreadable headers. */
  readonly declaredBytes: number | null;
}

/** @throws AppError weights.unreadable when the path is not a regular file or cannot be opened */
export async function sniffFile(path: string): Promise<SniffedFile> {
  const access = await openRandomAccess(path);
  try {
    const { sizeBytes } = access;
    const start = await access.read(0, Math.min(KIND_BYTES, sizeBytes));
    const kind = fileKindOf(start);
    return { kind, sizeBytes, start, declaredBytes: await declaredBytesOf(kind, access, start) };
  } finally {
    await access.close();
  }
}

async function declaredBytesOf(kind: FileKind, access: RandomAccess, start: Uint8Array): Promise<number | null> {
  if (kind === 'gguf') {
    const tensors = await ggufTensors(access);
    if (tensors === null) return null;
    // What follows the last tensor is padding.
    return tensors.reduce((end, one) => Math.max(end, one.byteOffset + one.byteLength), access.sizeBytes);
  }
  if (kind !== 'safetensors') return null;
  const headerBytes = Number(new DataView(start.buffer).getBigUint64(0, true));
  const headerEnd = LENGTH_BYTES + headerBytes;
  if (headerEnd > access.sizeBytes) return headerEnd;
  const dataBytes = lastOffset(await access.read(LENGTH_BYTES, headerBytes));
  return dataBytes === null ? null : headerEnd + dataBytes;
}

/** The tensors by a file's header, however long the file is; null when the header itself cannot be read. */
export async function readDeclaredHeader(path: string): Promise<ReadonlyMap<string, TensorEntry> | null> {
  const { kind, declaredBytes } = await sniffFile(path);
  if (declaredBytes === null) return null;
  const access = await openRandomAccess(path);
  try {
    if (kind === 'gguf') {
      const tensors = (await ggufTensors(access)) ?? [];
      return new Map(tensors.map((one) => [one.name, { ...one, dtype: 'U8', file: path }]));
    }
    const length = parseHeaderLength(await access.read(0, LENGTH_BYTES), path, access.sizeBytes);
    return parseSafetensorsHeader(await access.read(LENGTH_BYTES, length), path, declaredBytes).entries;
  } finally {
    await access.close();
  }
}

/** Null for a header that the reader refuses, and reports. */
async function ggufTensors(access: RandomAccess): Promise<readonly GgufTensor[] | null> {
  try {
    return (await readGgufHeader(access, true)).tensors;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** The highest end of any tensor's bytes; null for a malformed header. */
function lastOffset(header: Uint8Array): number | null {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(header).toString('utf8'));
  } catch {
    // The reader that opens the file reports the problem.
    return null;
  }
  if (typeof json !== 'object' || json === null) return null;
  let last = 0;
  for (const entry of Object.values(json)) {
    const offsets: unknown = (entry as { data_offsets?: unknown } | null)?.data_offsets;
    if (Array.isArray(offsets) && typeof offsets[1] === 'number') last = Math.max(last, offsets[1]);
  }
  return last;
}
