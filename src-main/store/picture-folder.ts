/**
 * The files beside the database. A file is written under a temporary name, synced and renamed, and its folder is synced;
 * only then may its row be written. Paths are built here from ids only.
 *
 * ```
 * pictures/ab/<run>.png   thumbs/ab/<run>.webp   previews/<run>/step-003.png   trajectories/ab/<run>.f32
 * photos/<photo>.png      photos/<photo>.thumb.webp
 * work/                   what the engine is writing; emptied at start
 * ```
 */
import { mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { invariant } from '../base/assert.js';
import { diskError } from '../base/disk-error.js';
import { stepFileName } from '../base/step-file.js';
import { isHeld, removeFile, removeFolder, renameFile } from '../disk/patience.js';
import { DATA_REMEDIES } from './store-error.js';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const TEMPORARY = /\.tmp-[0-9a-f]+$/;

/** Folders that are kept; temporary files are searched in them. */
export const KEPT_FOLDERS = ['pictures', 'thumbs', 'previews', 'trajectories', 'photos'] as const;

export class PictureFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  picture(runId: string): string {
    return join(this.root, 'pictures', shard(runId), `${runId}.png`);
  }
  thumb(runId: string): string {
    return join(this.root, 'thumbs', shard(runId), `${runId}.webp`);
  }
  previews(runId: string): string {
    return join(this.root, 'previews', checked(runId));
  }
  preview(runId: string, step: number): string {
    invariant(Number.isInteger(step) && step >= 0, `step ${step}`);
    return join(this.previews(runId), stepFileName(step, 'png'));
  }
  photo(photoId: string): string {
    return join(this.root, 'photos', `${checked(photoId)}.png`);
  }
  photoThumb(photoId: string): string {
    return join(this.root, 'photos', `${checked(photoId)}.thumb.webp`);
  }
  /** Where the engine writes a run's picture before it is taken over. */
  work(runId: string): string {
    return join(this.root, 'work', `${checked(runId)}.png`);
  }
  /** Sketches of a run's latents after each step, for comparing its trajectory with another's. */
  trajectory(runId: string): string {
    return join(this.root, 'trajectories', shard(runId), `${runId}.f32`);
  }
  /** Latents of a run after each step, while it is being made. */
  latents(runId: string): string {
    return join(this.root, 'work', 'latents', checked(runId));
  }
  get pictures(): string {
    return join(this.root, 'pictures');
  }

  /** Creates the folders and clears unfinished work of an earlier host. @throws AppError disk.full, disk.failed */
  async prepare(): Promise<void> {
    try {
      await removeFolder(join(this.root, 'work')).catch((error: unknown) => {
        // A viewer has a file of it open: it stays until a later start.
        if (!isHeld(error)) throw error;
      });
      for (const name of [...KEPT_FOLDERS, 'work']) {
        await mkdir(join(this.root, name), { recursive: true });
      }
    } catch (error) {
      throw diskError(error, 'prepare the picture folder', DATA_REMEDIES);
    }
  }

  /** Writes a whole file or nothing. @throws AppError disk.full, disk.failed */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp-${Date.now().toString(16)}${Math.floor(Math.random() * 2 ** 32).toString(16)}`;
    try {
      await mkdir(dirname(path), { recursive: true });
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await renameFile(temporary, path);
      await syncFolder(dirname(path));
    } catch (error) {
      // If it cannot be removed now, the next start removes it.
      await removeFile(temporary).catch(() => undefined);
      throw diskError(error, 'write a picture', DATA_REMEDIES);
    }
  }

  /** Deletes everything of a run. */
  async removeRun(runId: string): Promise<void> {
    await this.#remove([
      this.picture(runId),
      this.thumb(runId),
      this.previews(runId),
      this.trajectory(runId),
      this.work(runId),
    ]);
    await this.removeLatents(runId);
  }

  async removeLatents(runId: string): Promise<void> {
    await this.#remove([this.latents(runId)]);
  }

  async removePhoto(photoId: string): Promise<void> {
    await this.#remove([this.photo(photoId), this.photoThumb(photoId)]);
  }

  /** Steps whose previews are on disk, ascending. */
  async previewSteps(runId: string): Promise<number[]> {
    const names = await list(this.previews(runId));
    return names
      .flatMap((name) => {
        const match = /^step-(\d+)\.png$/.exec(name);
        return match === null ? [] : [Number(match[1])];
      })
      .sort((a, b) => a - b);
  }

  /**
   * Deletes temporary files of an earlier host and nothing else: a picture without a row may be the only rest of a lost
   * database. @returns how many
   */
  async removeTemporary(): Promise<number> {
    const found: string[] = [];
    for (const kind of ['pictures', 'thumbs', 'trajectories', 'photos']) {
      for (const name of await list(join(this.root, kind))) {
        const path = join(this.root, kind, name);
        if (TEMPORARY.test(name)) found.push(path);
        else if (kind !== 'photos') {
          for (const inner of await list(path)) if (TEMPORARY.test(inner)) found.push(join(path, inner));
        }
      }
    }
    await this.#remove(found);
    return found.length;
  }

  async #remove(paths: readonly string[]): Promise<void> {
    try {
      for (const path of paths) await removeFolder(path);
    } catch (error) {
      throw diskError(error, 'delete a picture', DATA_REMEDIES);
    }
  }
}

function checked(id: string): string {
  invariant(ID.test(id), 'a file is requested by something that is not an id');
  return id;
}

/** Two characters spread 25,000 files over folders that every file manager can open. */
function shard(id: string): string {
  return checked(id).slice(-2).toLowerCase();
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw diskError(error, 'list the picture folder', DATA_REMEDIES);
  }
}

/** Makes a rename durable; Windows has no such call and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
