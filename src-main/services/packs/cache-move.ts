/**
 * Moves converted weights into the folder that was chosen, when asked to. Weights are used as soon as they are there; what
 * is made meanwhile is converted anew. A move that was paused, or ended with the app, goes on inside its file.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, isAbort } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import { driveOf } from '../../disk/paths.js';
import { moveFile } from '../../disk/move-file.js';
import { removeEmptyFolder } from '../../disk/patience.js';
import type { CacheMoveState } from '../../contract/library.js';
import { missingRoom } from '../../contract/preparation.js';
import { freeBytes } from '../../library/free-space.js';
import type { EventHub } from '../support/event-hub.js';
import type { Log } from '../support/log.js';
import { formatBytes } from '../support/byte-size.js';
import { throttle } from '../support/throttle.js';
import { cacheFiles, type CacheFile } from './cache-files.js';
import type { CacheFolder } from './cache-folder.js';

export interface CacheMoveParts {
  readonly folder: Pick<CacheFolder, 'root' | 'left' | 'forgetLeft'>;
  readonly hub: Pick<EventHub, 'publish'>;
  readonly log: Pick<Log, 'failure'>;
  /** For tests; default the system's. */
  readonly move?: typeof moveFile;
}

interface Left extends CacheFile {
  readonly root: string;
}

const PROGRESS_MS = 200;

export class CacheMove {
  readonly #parts: CacheMoveParts;
  #state: CacheMoveState | null = null;
  #controller: AbortController | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: CacheMoveParts) {
    this.#parts = parts;
    parts.hub.publish('cacheMove', null);
  }

  /** Offers what earlier folders still have, at start and after another folder was chosen. */
  async offer(): Promise<void> {
    if (this.#controller !== null) return;
    const files = await this.#files();
    if (files.length === 0) this.#parts.folder.forgetLeft();
    this.#publish(files.length === 0 ? null : this.#stateOf(files, 'paused'));
  }

  /** Begins or goes on. @throws AppError disk.full where the new folder has no room */
  async start(): Promise<void> {
    if (this.#controller !== null) return;
    const controller = new AbortController();
    this.#controller = controller;
    try {
      const files = await this.#files();
      await this.#requireRoom(files);
      this.#publish(this.#stateOf(files, 'running'));
      this.#work = this.#run(files, controller.signal);
    } catch (error) {
      this.#controller = null;
      throw error;
    }
  }

  /** What is moved stays moved. */
  async pause(): Promise<void> {
    this.#controller?.abort();
    await this.#work;
  }

  /** Leaves the files where they are and no longer offers to move them. */
  async leave(): Promise<void> {
    await this.pause();
    this.#parts.folder.forgetLeft();
    this.#publish(null);
  }

  async #files(): Promise<Left[]> {
    const { left } = this.#parts.folder;
    const found = await Promise.all(
      left.map(async (root) => (await cacheFiles(root)).map((file) => ({ ...file, root }))),
    );
    return found.flat();
  }

  async #requireRoom(files: readonly Left[]): Promise<void> {
    const { root } = this.#parts.folder;
    const needed = files
      .filter((file) => driveOf(file.root) !== driveOf(root))
      .reduce((sum, { bytes }) => sum + bytes, 0);
    const missing = missingRoom(needed, await freeBytes(root));
    if (needed === 0 || missing <= 0) return;
    throw new AppError(
      'disk.full',
      `The converted weights take ${formatBytes(needed)}, more than ${root} has room for.`,
      {
        remedy: `Free ${formatBytes(missing)}, or remove converted weights on the Models screen.`,
        retryable: true,
      },
    );
  }

  async #run(files: readonly Left[], signal: AbortSignal): Promise<void> {
    const { folder, log, move = moveFile } = this.#parts;
    const progress = throttle(PROGRESS_MS, ({ movedBytes }: { movedBytes: number }) => {
      if (this.#state !== null) this.#publish({ ...this.#state, movedBytes });
    });
    let moved = 0;
    try {
      for (const file of files) {
        const target = join(folder.root, file.folder, file.name);
        await mkdir(dirname(target), { recursive: true });
        const before = moved;
        const onBytes = (bytes: number): void => progress.push({ movedBytes: before + Math.min(bytes, file.bytes) });
        await move(join(file.root, file.folder, file.name), target, { signal, onBytes });
        moved += file.bytes;
        progress.push({ movedBytes: moved });
      }
      for (const { root, folder: pack } of files) await removeEmptyFolder(join(root, pack)).catch(() => undefined);
      progress.clear();
      folder.forgetLeft();
      this.#publish(null);
    } catch (error) {
      progress.clear();
      const failed = isAbort(error)
        ? null
        : log.failure('Converted weights were not moved.', diskError(error, 'move converted weights'));
      const rest = this.#stateOf(await this.#files(), failed === null ? 'paused' : 'failed');
      this.#publish({ ...rest, error: failed });
    } finally {
      this.#controller = null;
    }
  }

  #stateOf(files: readonly Left[], status: CacheMoveState['status']): CacheMoveState {
    const { folder } = this.#parts;
    return {
      status,
      from: files[0]?.root ?? folder.root,
      to: folder.root,
      movedBytes: 0,
      totalBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      error: null,
    };
  }

  #publish(state: CacheMoveState | null): void {
    this.#state = state;
    this.#parts.hub.publish('cacheMove', state);
  }
}
