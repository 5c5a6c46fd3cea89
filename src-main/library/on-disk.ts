/** Small questions about paths; what cannot be read is not there. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readText } from '../disk/text-file.js';

/** Longest list of a program that is read. */
const MAX_TEXT_BYTES = 256 * 1024;

/** A text file of a size that such files have; null where there is none. */
export async function smallText(file: string): Promise<string | null> {
  const info = await stat(file).catch(() => null);
  if (info?.isFile() !== true || info.size > MAX_TEXT_BYTES) return null;
  return readText(file).catch(() => null);
}

export async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path)))) found.push(path);
  }
  return found;
}

export async function existing(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map((path) => exists(path)));
  return paths.filter((_, index) => there[index] === true);
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}
