/** Lists and removes converted weights. Each pack has its own folder; files of others in it are none of them. */
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import { removeFile } from '../../disk/patience.js';
import type { CacheEntry } from '../../contract/library.js';
import type { EventHub } from '../support/event-hub.js';
import { cacheFiles } from './cache-files.js';
import type { CacheFolder } from './cache-folder.js';
import type { PackService } from './pack-service.js';

export interface CacheServiceParts {
  readonly folder: CacheFolder;
  readonly packs: PackService;
  readonly hub: EventHub;
}

/** `<component>.<format>[+lora].<dtype>.<hash of the weights>.<hash of the plan>.<version>.weights` */
const WEIGHTS = /^([\w-]+)\.([\w-]+)(\+lora)?\.(f32|f16|bf16)\.([0-9a-f]+)\.[0-9a-f]+\.v\d+\.weights$/;
/** Endings of the files of an unfinished conversion. */
const UNFINISHED = /\.(?:\d{1,10}\.(?:partial|journal|scratch)|moving)$/;

export class CacheService {
  readonly #parts: CacheServiceParts;

  constructor(parts: CacheServiceParts) {
    this.#parts = parts;
  }

  /** One entry per file, and one for its unfinished parts; the largest first. */
  async list(): Promise<CacheEntry[]> {
    const { folder: cache, packs } = this.#parts;
    const { root } = cache;
    const names = new Map((await packs.list()).map(({ id, name }) => [id, name]));
    const entries = new Map<string, CacheEntry>();
    for (const { folder, name, bytes, changedAtMs } of await cacheFiles(root)) {
      const packName = names.get(folder);
      const unfinished = UNFINISHED.test(name);
      const key = name.replace(UNFINISHED, '');
      const place = `${folder}|${key}|${unfinished}`;
      const before = entries.get(place);
      entries.set(place, {
        packId: packName === undefined ? null : folder,
        packName: packName ?? 'Unknown packs',
        key,
        ...described(key),
        unfinished,
        bytes: (before?.bytes ?? 0) + bytes,
        changedAtMs: Math.max(before?.changedAtMs ?? 0, changedAtMs),
      });
    }
    return [...entries.values()].sort((a, b) => b.bytes - a.bytes);
  }

  /**
   * Removes converted weights, which are converted again when needed.
   * @param packId null for unknown packs
   * @param key one file with its unfinished parts; null for all
   * @returns freed bytes
   * @throws AppError cache.busy while a picture is being made or weights are converted; disk.failed for the first that
   *   could not be deleted, after the others were
   */
  async remove(packId: string | null, key: string | null): Promise<number> {
    const { folder: cache, packs, hub } = this.#parts;
    const { root } = cache;
    requireIdleCache(hub);
    const known = new Set((await packs.list()).map(({ id }) => id));
    let freed = 0;
    const failures: unknown[] = [];
    for (const file of await cacheFiles(root)) {
      if (packId === null ? known.has(file.folder) : file.folder !== packId) continue;
      if (key !== null && file.name.replace(UNFINISHED, '') !== key) continue;
      try {
        await removeConverted(join(root, file.folder, file.name));
        freed += file.bytes;
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return freed;
  }

  /** Removes a pack's unfinished conversions. */
  async removeUnfinished(packId: string): Promise<void> {
    const { root } = this.#parts.folder;
    for (const { folder, name } of await cacheFiles(root)) {
      if (folder === packId && UNFINISHED.test(name)) await removeConverted(join(root, folder, name));
    }
  }
}

async function removeConverted(file: string): Promise<void> {
  try {
    await removeFile(file);
  } catch (error) {
    throw diskError(error, `delete the converted weights in ${file}`);
  }
}

/** @throws AppError cache.busy while converted weights are read or written */
export function requireIdleCache(hub: Pick<EventHub, 'current'>): void {
  if ((hub.current('progress') ?? null) !== null) {
    throw new AppError('cache.busy', 'A picture is being made and may read these files.', {
      remedy: 'Wait until it is done, or pause the queue.',
      retryable: true,
    });
  }
  if (hub.current('cacheMove')?.status === 'running') {
    throw new AppError('cache.busy', 'Converted weights are being moved.', {
      remedy: 'Wait until it is done, or pause it.',
      retryable: true,
    });
  }
  if (hub.current('preparation')?.status === 'running') {
    throw new AppError('cache.busy', 'Weights are being converted, so these files are in use.', {
      remedy: 'Wait until it is done, or pause it.',
      retryable: true,
    });
  }
}

function described(key: string): Pick<CacheEntry, 'component' | 'format' | 'dtype' | 'weights' | 'hasLoras'> {
  const [, component = '', format = '', loras, dtype = null, weights = null] = WEIGHTS.exec(key) ?? [];
  if (component !== '') return { component, format, dtype, weights, hasLoras: loras !== undefined };
  const [first = '', second = ''] = key.split('.');
  return { component: first, format: second, dtype: null, weights: null, hasLoras: false };
}
