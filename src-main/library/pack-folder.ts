/** Size and removal of a pack's folder. */
import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../base/app-error.js';

export interface PackUse {
  readonly installed: boolean;
  /** Bytes of files in the folder itself. */
  readonly ownBytes: number;
  /** Bytes of files elsewhere that it only links to. */
  readonly linkedBytes: number;
  /** Unfinished downloads. */
  readonly unfinished: number;
}

const MAX_DEPTH = 8;

export async function packUse(folder: string): Promise<PackUse> {
  const use = {
    installed: (await stat(folder).catch(() => null)) !== null,
    ownBytes: 0,
    linkedBytes: 0,
    unfinished: 0,
  };
  await measure(folder, use, 0);
  return use;
}

async function measure(
  folder: string,
  use: { ownBytes: number; linkedBytes: number; unfinished: number },
  depth: number,
): Promise<void> {
  if (depth > MAX_DEPTH) return;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await measure(path, use, depth + 1);
    else if (entry.isSymbolicLink()) use.linkedBytes += (await stat(path).catch(() => null))?.size ?? 0;
    else {
      // Blocks, because an unfinished file is as long as the complete one.
      const info = await lstat(path);
      use.ownBytes += Math.min(info.size, info.blocks === undefined ? info.size : info.blocks * 512);
      if (entry.name.endsWith('.incomplete')) use.unfinished++;
    }
  }
}

/** Removes the folder; files that it only links to stay. @throws AppError pack.not-found */
export async function removePackFolder(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => null)) === null) {
    throw new AppError('pack.not-found', `There is no pack in ${folder}.`, {
      remedy: 'List the packs to see what is there.',
    });
  }
  await rm(folder, { recursive: true });
}
