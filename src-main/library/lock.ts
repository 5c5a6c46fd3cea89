/** Lets one process at a time download into a folder. A lock of an ended process is ignored. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFile } from '../disk/patience.js';
import { isProcessAlive } from '../base/process-alive.js';
import { diskError } from '../base/disk-error.js';
import { DISK_REMEDIES, downloadError } from './download-error.js';

const NAME = '.download.lock';

/** @throws AppError download.failed (busy), disk.failed; what `work` throws */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, NAME);
  try {
    await mkdir(folder, { recursive: true });
    if (!(await take(path))) {
      await removeFile(path);
      if (!(await take(path))) throw busy(folder);
    }
  } catch (error) {
    throw diskError(error, `write ${path}`, DISK_REMEDIES);
  }
  try {
    return await work();
  } finally {
    await removeFile(path);
  }
}

/** @returns false when there is a stale lock @throws AppError download.failed (busy) */
async function take(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (Number.isInteger(owner) && owner > 0 && isProcessAlive(owner)) throw busy(join(path, '..'));
    return false;
  }
}

function busy(folder: string): Error {
  return downloadError('busy', `Another window or command is already downloading into ${folder}.`, {
    remedy: 'Wait for it or stop it, then try again.',
    retryable: true,
  });
}
