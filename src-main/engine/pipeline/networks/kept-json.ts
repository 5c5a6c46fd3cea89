/** Small results in the cache folder, complete or absent. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError } from '../../../base/disk-error.js';
import { removeFile, renameFile } from '../../../disk/patience.js';
import { makeCacheFolder } from '../../convert/cache-folder.js';

/** The value kept in a file; null when there is none. */
export async function keptJson<T>(file: string): Promise<T | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as T);
}

/** Keeps a JSON-safe value; creates its folder. @throws AppError disk.full, disk.failed */
export async function keepJson(file: string, value: unknown): Promise<void> {
  await makeCacheFolder(dirname(file));
  const partial = `${file}.${process.pid}.partial`;
  try {
    await writeFile(partial, JSON.stringify(value));
    await renameFile(partial, file);
  } catch (error) {
    await removeFile(partial).catch(() => undefined);
    throw diskError(error, `write ${file}`);
  }
}
