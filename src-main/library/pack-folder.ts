/** Size and removal of a pack's folder. */
import { lstat, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import { patiently, removeFolder, renameFile } from '../disk/patience.js';
import { readImportedPack } from './imported-packs.js';

export interface PackUse {
  readonly installed: boolean;
  /** Bytes of files in the folder itself. */
  readonly ownBytes: number;
  /** Bytes of files elsewhere: those that its `pack.json` names or that it links to. */
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
  const counted = new Set<string>();
  const named = readImportedPack(dirname(folder), basename(folder))?.paths ?? [];
  for (const path of named) use.linkedBytes += await bytesOf(path, counted, 0);
  return use;
}

/** Bytes of a file, or of all files in a folder, without those that were counted already. */
async function bytesOf(path: string, counted: Set<string>, depth: number): Promise<number> {
  const info = await stat(path).catch(() => null);
  if (info === null || counted.has(path) || depth > MAX_DEPTH) return 0;
  counted.add(path);
  if (!info.isDirectory()) return info.size;
  let bytes = 0;
  for (const name of await readdir(path).catch(() => [])) bytes += await bytesOf(join(path, name), counted, depth + 1);
  return bytes;
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

/** Removes the folder; files elsewhere stay. @throws AppError pack.not-found, disk.failed */
export async function removePackFolder(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => null)) === null) {
    throw new AppError('pack.not-found', `There is no pack in ${folder}.`, {
      remedy: 'List the packs to see what is there.',
    });
  }
  // Renamed first, so that nobody finds half a pack, and back while another program has a file of it open.
  const leaving = `${folder}.${process.pid}.removed`;
  try {
    await renameFile(folder, leaving);
    try {
      await requireFree(leaving);
    } catch (error) {
      await renameFile(leaving, folder);
      throw error;
    }
    await removeFolder(leaving);
  } catch (error) {
    throw diskError(error, `remove the pack in ${folder}`);
  }
}

/** @throws EBUSY when another program has a file of the folder open, which Windows does not delete */
async function requireFree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    try {
      const handle = await patiently(() => open(join(entry.parentPath, entry.name), 'r+'));
      await handle.close();
    } catch (error) {
      // A read-only file can be deleted.
      if (error instanceof Error && 'code' in error && error.code === 'EBUSY') throw error;
    }
  }
}
