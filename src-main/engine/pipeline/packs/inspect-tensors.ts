/**
 * Lists the tensors of a file, of a component's folder or of a pack, under their diffusers or transformers names, with
 * the hash of their values, so that any reader can be checked against any other tool.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { AppError, throwIfAborted } from '../../../base/app-error.js';
import { openPack, type Pack } from '../../pack/open-pack.js';
import { describePlace } from '../../pack/describe-place.js';
import { decodeToF32 } from '../../weights/decode.js';
import { FILE_PARTS, findParts, type FilePart } from '../../weights/file-parts.js';
import { withNames } from '../../weights/named-source.js';
import { openCheckpoint } from '../../weights/open-checkpoint.js';
import { DTYPE_BYTES, storedDtype, type TensorEntry, type TensorSource } from '../../weights/tensor-source.js';

export interface ListedTensor {
  readonly part: FilePart;
  /** Name in diffusers or transformers. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Element type or packed form in the file, such as `BF16` or `Q4_K`. */
  readonly type: string;
  /** Of its f32 values, little-endian, row-major in `shape`. */
  readonly sha256: string;
}

/** Bytes decoded at a time. A multiple of every dtype. */
const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * @param path a file, a component's folder, or a pack
 * @throws AppError weights.*, pack.*; weights.unexpected-tensor for a file without a network of ours
 */
export async function listTensors(path: string, signal?: AbortSignal): Promise<ListedTensor[]> {
  const places = await placesOf(path);
  const listed: ListedTensor[] = [];
  for (const { path: place, parts } of places) listed.push(...(await listPlace(place, parts, signal)));
  return listed;
}

/** Places with the parts to list; a file that serves for several parts of a pack is one place. */
async function placesOf(path: string): Promise<{ readonly path: string; readonly parts: ReadonlySet<FilePart> }[]> {
  const pack = await packAt(path);
  if (pack === null) return [{ path, parts: new Set(FILE_PARTS) }];
  const places = new Map<string, Set<FilePart>>();
  const add = (part: FilePart, place: string | null): void => {
    if (place !== null) places.set(place, (places.get(place) ?? new Set()).add(part));
  };
  for (const part of ['flux', 't5', 'clip', 'vae'] as const) add(part, pack[part].path);
  for (const { infusenet, imageProjection } of pack.variants.values()) {
    add('infusenet', infusenet.path);
    add('image-projection', imageProjection);
  }
  add('arcface', pack.arcface);
  return [...places].map(([place, parts]) => ({ path: place, parts }));
}

/** Null for a file, and for a folder that contains no pack. */
async function packAt(path: string): Promise<Pack | null> {
  if ((await stat(path).catch(() => null))?.isDirectory() !== true) return null;
  return openPack(path).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'pack.not-found') return null;
    throw error;
  });
}

async function listPlace(
  path: string,
  wanted: ReadonlySet<FilePart>,
  signal: AbortSignal | undefined,
): Promise<ListedTensor[]> {
  const source = await openCheckpoint(path);
  try {
    const parts = findParts(source.entries).filter(({ part }) => wanted.has(part));
    if (parts.length === 0) throw await notOurs(path);
    const listed: ListedTensor[] = [];
    for (const { part, tensors } of parts) {
      const named = withNames(source, tensors, path);
      for (const entry of named.entries.values()) {
        throwIfAborted(signal);
        const { name, shape } = entry;
        listed.push({ part, name, shape, type: storedDtype(entry), sha256: await hashValues(named, entry) });
      }
    }
    return listed;
  } finally {
    await source.close();
  }
}

async function notOurs(path: string): Promise<AppError> {
  const { finding } = await describePlace(path);
  return new AppError('weights.unexpected-tensor', finding?.sentence ?? `${path} contains no network of this app.`, {
    remedy: finding?.remedy ?? 'Choose a file with FLUX, a text encoder, an autoencoder or InfuseNet.',
    details: { file: path },
  });
}

async function hashValues(source: TensorSource, { name, dtype, byteLength }: TensorEntry): Promise<string> {
  const hash = createHash('sha256');
  const chunk = CHUNK_BYTES - (CHUNK_BYTES % DTYPE_BYTES[dtype]);
  for (let start = 0; start < byteLength; start += chunk) {
    const bytes = await source.readRange(name, start, Math.min(chunk, byteLength - start));
    const values = decodeToF32(dtype, bytes);
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}
