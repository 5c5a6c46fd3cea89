/** Opens safetensors checkpoints: one file, or shards with an index. Reads headers only. */
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';
import { decodeText } from '../../disk/text-file.js';
import { FileTensorSource } from './file-tensor-source.js';
import { findDuplicateKey } from './json-duplicates.js';
import { openRandomAccess, type RandomAccess } from './random-access-file.js';
import {
  LENGTH_BYTES,
  MAX_HEADER_BYTES,
  parseHeaderLength,
  parseSafetensorsHeader,
  type SafetensorsHeader,
} from './safetensors-header.js';
import type { TensorEntry, TensorSource } from './tensor-source.js';
import { malformed, quoted } from './weights-error.js';

/** FLUX has 3 shards and T5 2; every shard uses a file handle. */
const MAX_SHARDS = 256;

const indexSchema = z.object({
  metadata: z.record(z.string(), z.unknown()).optional(),
  weight_map: z.record(z.string(), z.string()),
});

/** @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype */
export async function openSafetensors(path: string): Promise<TensorSource> {
  const access = await openRandomAccess(path);
  return closingOnError([access], async () => {
    const { entries, metadata } = await readSafetensorsHeader(access);
    return new FileTensorSource(path, [access], entries, metadata);
  });
}

/**
 * Opens all shards in a `*.safetensors.index.json`. Tensors in a shard that are not in the index are kept, so that an
 * audit of the names sees them.
 *
 * @throws AppError weights.unreadable, weights.malformed, weights.missing-tensor when a named tensor is not in its shard
 */
export async function openSharded(indexPath: string): Promise<TensorSource> {
  const index = await readIndex(indexPath);
  const folder = dirname(indexPath);
  const opened: RandomAccess[] = [];
  return closingOnError(opened, async () => {
    const entries = new Map<string, TensorEntry>();
    let metadata: Record<string, string> = { ...index.metadata };
    for (const shard of index.shards) {
      const access = await openRandomAccess(join(folder, shard));
      opened.push(access);
      const header = await readSafetensorsHeader(access);
      metadata = { ...header.metadata, ...metadata };
      for (const entry of header.entries.values()) {
        const home = index.shardOf.get(entry.name);
        if (home !== undefined && home !== shard) continue;
        if (entries.has(entry.name)) {
          throw malformed(indexPath, `does not say which of two shards contains ${quoted(entry.name)}.`);
        }
        entries.set(entry.name, entry);
      }
    }
    for (const [name, shard] of index.shardOf) {
      if (!entries.has(name)) throw missingFromShard(indexPath, name, shard);
    }
    return new FileTensorSource(indexPath, opened, entries, metadata);
  });
}

/**
 * Opens files that hold a checkpoint between them.
 * @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype
 */
export async function openTogether(paths: readonly string[]): Promise<TensorSource> {
  const opened: RandomAccess[] = [];
  return closingOnError(opened, async () => {
    const entries = new Map<string, TensorEntry>();
    let metadata: Record<string, string> = {};
    for (const path of paths) {
      const access = await openRandomAccess(path);
      opened.push(access);
      const header = await readSafetensorsHeader(access);
      metadata = { ...metadata, ...header.metadata };
      for (const entry of header.entries.values()) {
        if (entries.has(entry.name)) throw malformed(path, `has ${quoted(entry.name)}, as the file beside it has.`);
        entries.set(entry.name, entry);
      }
    }
    return new FileTensorSource(dirname(paths[0] ?? ''), opened, entries, metadata);
  });
}

/** The header of an open file. @throws AppError weights.malformed, weights.unsupported-dtype, weights.unreadable */
export async function readSafetensorsHeader(access: RandomAccess): Promise<SafetensorsHeader> {
  const prefix = await access.read(0, Math.min(LENGTH_BYTES, access.sizeBytes));
  const length = parseHeaderLength(prefix, access.file, access.sizeBytes);
  return parseSafetensorsHeader(await access.read(LENGTH_BYTES, length), access.file, access.sizeBytes);
}

interface ShardIndex {
  /** File names in ascending order. */
  readonly shards: readonly string[];
  readonly shardOf: ReadonlyMap<string, string>;
  readonly metadata: Readonly<Record<string, string>>;
}

async function readIndex(path: string): Promise<ShardIndex> {
  const access = await openRandomAccess(path);
  try {
    if (access.sizeBytes > MAX_HEADER_BYTES) {
      throw malformed(path, `is ${access.sizeBytes} bytes long; an index has at most ${MAX_HEADER_BYTES}.`);
    }
    return parseShardIndex(await access.read(0, access.sizeBytes), path);
  } finally {
    await access.close();
  }
}

/** @throws AppError weights.malformed, also when a shard's name leaves the folder */
export function parseShardIndex(json: Uint8Array, path: string): ShardIndex {
  let text: string;
  let value: unknown;
  try {
    text = decodeText(json, { fatal: true });
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(path, 'is not JSON, expected an index of shards.', cause);
  }
  const parsed = indexSchema.safeParse(value);
  if (!parsed.success) throw malformed(path, 'has no "weight_map" from tensor names to files.', parsed.error);
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw malformed(path, `names ${quoted(duplicate)} twice.`);

  const shardOf = new Map(Object.entries(parsed.data.weight_map));
  const shards = [...new Set(shardOf.values())].sort();
  if (shards.length === 0) throw malformed(path, 'names no tensors.');
  if (shards.length > MAX_SHARDS) {
    throw malformed(path, `names ${shards.length} shards; at most ${MAX_SHARDS} are opened.`);
  }
  for (const shard of shards) {
    if (!/^[^/\\:\0]+\.safetensors$/.test(shard)) {
      throw malformed(path, `names the shard ${quoted(shard)}, expected a *.safetensors file in the same folder.`);
    }
  }
  const metadata: Record<string, string> = {};
  for (const [key, item] of Object.entries(parsed.data.metadata ?? {})) {
    if (typeof item === 'string' || typeof item === 'number') metadata[key] = String(item);
  }
  return { shards, shardOf, metadata };
}

function missingFromShard(indexPath: string, name: string, shard: string): AppError {
  return new AppError(
    'weights.missing-tensor',
    `According to the index ${indexPath}, ${quoted(name)} is in ${shard}, but that file does not contain it.`,
    {
      remedy: 'The shards and the index are of different downloads. Download the folder again.',
      details: { file: indexPath, tensor: name },
    },
  );
}

/** Runs `make`; closes the opened files when it fails. */
export async function closingOnError<T>(opened: readonly RandomAccess[], make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    await Promise.all(opened.map((access) => access.close()));
    throw error;
  }
}
