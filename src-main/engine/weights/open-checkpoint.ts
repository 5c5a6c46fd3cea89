/** Finds and opens a checkpoint of any format: a folder in diffusers' or transformers' layout, or a file. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { openTensorFile } from './open-tensor-file.js';
import { withPackings } from './packings.js';
import { openSafetensors, openSharded, openTogether } from './safetensors-source.js';
import type { TensorEntry, TensorSource } from './tensor-source.js';
import { malformed, quoted, unreadable } from './weights-error.js';

/** File names of diffusers and transformers, the whole file before its shards. */
const STANDARD_NAMES = [
  'diffusion_pytorch_model.safetensors',
  'diffusion_pytorch_model.safetensors.index.json',
  'model.safetensors',
  'model.safetensors.index.json',
] as const;

export interface OpenCheckpointOptions {
  /** Prefix to remove from names, for checkpoints that wrap their state dict; other names stay unchanged. */
  readonly stripPrefix?: string;
}

/** The two files of nunchaku's older folders. */
const NUNCHAKU_PARTS = ['transformer_blocks.safetensors', 'unquantized_layers.safetensors'] as const;

/**
 * Packed weights are presented by `withPackings`.
 *
 * @param path a folder, an index of shards, or a file that `openTensorFile` reads
 * @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype, weights.missing-tensor,
 *   weights.forbidden-pickle
 */
export async function openCheckpoint(path: string, options: OpenCheckpointOptions = {}): Promise<TensorSource> {
  const opened = await openPath(path);
  try {
    const source = await withPackings(opened);
    const { stripPrefix } = options;
    return stripPrefix === undefined ? source : new RenamedTensorSource(source, stripPrefix, path);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/**
 * Opens the checkpoint of a component's folder: the standard names first, whole file before shards, then nunchaku's two
 * files, then the only other `*.safetensors`. Of several others it takes `*bf16.safetensors`: half the download of f32, in the pipeline's precision.
 *
 * @throws AppError weights.unreadable when there is none or the choice is ambiguous, and as `openSafetensors`
 */
export async function openCheckpointFolder(folder: string): Promise<TensorSource> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    throw unreadable(folder, 'is not a folder that can be read.', cause);
  }
  const standard = STANDARD_NAMES.find((name) => names.includes(name));
  if (standard === undefined && NUNCHAKU_PARTS.every((name) => names.includes(name))) {
    return openTogether(NUNCHAKU_PARTS.map((name) => join(folder, name)));
  }
  const name = standard ?? onlyOther(folder, names);
  const path = join(folder, name);
  return name.endsWith('.json') ? openSharded(path) : openSafetensors(path);
}

async function openPath(path: string): Promise<TensorSource> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw unreadable(path, 'does not exist or cannot be read.', cause);
  }
  if (isFolder) return openCheckpointFolder(path);
  return path.endsWith('.safetensors.index.json') ? openSharded(path) : openTensorFile(path);
}

function onlyOther(folder: string, names: readonly string[]): string {
  const others = names.filter((name) => name.endsWith('.safetensors')).sort();
  const bf16 = others.filter((name) => name.endsWith('bf16.safetensors'));
  const [choice] = others.length === 1 ? others : bf16;
  if (choice !== undefined && (others.length === 1 || bf16.length === 1)) return choice;
  const found = others.length === 0 ? 'no *.safetensors file' : `several: ${others.slice(0, 5).join(', ')}`;
  throw new AppError('weights.unreadable', `The folder ${folder} has ${found}; expected ${STANDARD_NAMES[0]}.`, {
    remedy:
      others.length === 0
        ? 'Download the component, or choose the folder that contains its weights.'
        : 'Keep one of them in the folder, or choose the file itself.',
    details: { folder },
  });
}

/** The same tensors under shorter names. */
class RenamedTensorSource implements TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: TensorSource;
  readonly #onDisk = new Map<string, string>();

  constructor(source: TensorSource, prefix: string, path: string) {
    const entries = new Map<string, TensorEntry>();
    for (const entry of source.entries.values()) {
      const name = entry.name.startsWith(prefix) ? entry.name.slice(prefix.length) : entry.name;
      if (entries.has(name)) throw malformed(path, `has ${quoted(name)} with and without the prefix "${prefix}".`);
      entries.set(name, { ...entry, name });
      this.#onDisk.set(name, entry.name);
    }
    this.entries = entries;
    this.metadata = source.metadata;
    this.#source = source;
  }

  readBytes(name: string): Promise<Uint8Array> {
    return this.#source.readBytes(this.#onDisk.get(name) ?? name);
  }

  readF32(name: string): Promise<Float32Array> {
    return this.#source.readF32(this.#onDisk.get(name) ?? name);
  }

  readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array> {
    return this.#source.readRange(this.#onDisk.get(name) ?? name, byteStart, byteLength);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
