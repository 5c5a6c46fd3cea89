/** Small results in the cache folder, whole or not there. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeCacheFolder } from '../../convert/cache-folder.js';

/** What was kept in the file; null when there is none. */
export async function keptJson<T>(file: string): Promise<T | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as T);
}

/** Keeps a JSON-safe value; its folder is made. @throws AppError disk.failed where it cannot be */
export async function keepJson(file: string, value: unknown): Promise<void> {
  await makeCacheFolder(dirname(file));
  const partial = `${file}.${process.pid}.partial`;
  await writeFile(partial, JSON.stringify(value));
  await rename(partial, file);
}
