/** Folders and files that a person named for output. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../../base/disk-error.js';

/** Creates the folder where it is missing and writes a file to try it. @throws AppError disk.full, disk.failed */
export async function requireWritable(folder: string): Promise<void> {
  const probe = join(folder, `.likeness-lab-${process.pid}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, '');
    await rm(probe, { force: true });
  } catch (error) {
    throw diskError(error, `write to the folder ${folder}`);
  }
}

/** @throws AppError disk.full, disk.failed */
export async function copyPicture(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    throw diskError(error, `save the picture ${to}`);
  }
}
