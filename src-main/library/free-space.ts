/** Checks before a download whether it fits the disk. */
import { mkdir, statfs } from 'node:fs/promises';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';

/** Left free, so that journals, the gallery and the system still have room. */
const RESERVE_BYTES = 256 * 2 ** 20;
const GB = 1e9;

/** Bytes that this user may write below the folder. Creates the folder. */
export async function freeBytes(folder: string): Promise<number> {
  try {
    await mkdir(folder, { recursive: true });
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    throw diskError(error, `use the folder ${folder}`);
  }
}

/** Free space that has to be there before so much is written. */
export function withReserve(neededBytes: number): number {
  return neededBytes === 0 ? 0 : neededBytes + RESERVE_BYTES;
}

/** @throws AppError disk.full */
export function checkSpace(folder: string, neededBytes: number, free: number): void {
  if (withReserve(neededBytes) <= free) return;
  const wanted = `The download still needs ${gb(neededBytes)} GB and ${gb(RESERVE_BYTES)} GB must stay free`;
  throw new AppError('disk.full', `${wanted}, but ${folder} has ${gb(free)} GB free.`, {
    remedy: `Free ${gb(neededBytes + RESERVE_BYTES - free)} GB, or choose a folder on another disk.`,
    retryable: true,
    details: { neededBytes, freeBytes: free },
  });
}

function gb(bytes: number): string {
  return (bytes / GB).toFixed(2);
}
