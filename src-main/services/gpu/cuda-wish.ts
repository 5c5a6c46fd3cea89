/** What an unfinished set-up of CUDA's libraries was told, kept beside them to take it up after a restart. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { diskError } from '../../base/disk-error.js';
import { removeFile, renameFile } from '../../disk/patience.js';

const wishSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tool') }),
  z.strictObject({ kind: z.literal('wheels'), folder: z.string() }),
]);
export type CudaWish = z.infer<typeof wishSchema>;

const fileIn = (folder: string): string => join(folder, 'set-up.json');

/** Null without one, and for what another version wrote or a kill cut short. */
export async function readWish(folder: string): Promise<CudaWish | null> {
  try {
    return wishSchema.safeParse(JSON.parse(await readFile(fileIn(folder), 'utf8'))).data ?? null;
  } catch {
    return null;
  }
}

/** @throws AppError disk.* */
export async function keepWish(folder: string, wish: CudaWish): Promise<void> {
  const file = fileIn(folder);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.tmp`, JSON.stringify(wish));
    await renameFile(`${file}.tmp`, file);
  } catch (error) {
    throw diskError(error, `write ${file}`);
  }
}

export const forgetWish = (folder: string): Promise<void> => removeFile(fileIn(folder));
