/** Converted weights on disk, by pack: how much there is, and removing it. Each pack has its own folder. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../base/app-error.js';
import type { CacheEntry } from '../contract/library.js';
import type { EventHub } from './event-hub.js';
import type { PackService } from './pack-service.js';

export interface CacheServiceParts {
  readonly root: string;
  readonly packs: PackService;
  readonly hub: EventHub;
}

/** Folder of a pack's converted weights. */
export function packCacheFolder(root: string, packId: string): string {
  return join(root, packId);
}

export class CacheService {
  readonly #parts: CacheServiceParts;

  constructor(parts: CacheServiceParts) {
    this.#parts = parts;
  }

  /** One entry for each pack, component and format; the largest first. */
  async list(): Promise<CacheEntry[]> {
    const { root, packs } = this.#parts;
    const names = new Map((await packs.list()).map(({ id, name }) => [id, name]));
    const entries = new Map<string, CacheEntry>();
    for (const folder of ['', ...(await folders(root))]) {
      const name = names.get(folder);
      const owner = name === undefined ? null : folder;
      for (const file of await files(join(root, folder))) {
        const [component = '', format = ''] = file.name.split('.');
        const key = `${owner ?? ''}|${component}|${format}`;
        const before = entries.get(key);
        entries.set(key, {
          packId: owner,
          packName: name ?? 'Packs that are not known any more',
          component,
          format,
          files: (before?.files ?? 0) + 1,
          bytes: (before?.bytes ?? 0) + file.bytes,
          changedAtMs: Math.max(before?.changedAtMs ?? 0, file.changedAtMs),
        });
      }
    }
    return [...entries.values()].sort((a, b) => b.bytes - a.bytes);
  }

  /**
   * Removes a pack's converted weights; they are made again when they are needed.
   * @param packId null for those of packs that are not known any more
   * @returns bytes that are free again
   * @throws AppError disk.failed while a picture is being made
   */
  async remove(packId: string | null): Promise<number> {
    const { root, packs, hub } = this.#parts;
    if ((hub.current('progress') ?? null) !== null) {
      throw new AppError('disk.failed', 'A picture is being made, which may read these files.', {
        remedy: 'Wait until it is done, or pause the queue.',
        retryable: true,
      });
    }
    const known = new Set((await packs.list()).map(({ id }) => id));
    const all = ['', ...(await folders(root))];
    let freed = 0;
    for (const folder of packId === null ? all.filter((name) => !known.has(name)) : [packId]) {
      for (const file of await files(join(root, folder))) {
        await rm(join(root, folder, file.name), { force: true });
        freed += file.bytes;
      }
    }
    return freed;
  }
}

async function folders(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function files(folder: string): Promise<{ name: string; bytes: number; changedAtMs: number }[]> {
  const found = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    const info = await stat(join(folder, entry.name)).catch(() => null);
    if (info === null) continue;
    const blocks = info.blocks === undefined ? info.size : info.blocks * 512;
    // What an interrupted conversion left counts with what it really takes.
    found.push({ name: entry.name, bytes: Math.min(info.size, blocks), changedAtMs: Math.round(info.mtimeMs) });
  }
  return found;
}
