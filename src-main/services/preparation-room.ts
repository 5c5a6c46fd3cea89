/** Whether converted weights fit the disk, asked before any is written. */
import { AppError } from '../base/app-error.js';
import { formatBytes } from './byte-size.js';

/** Left free beside converted weights: pictures, the database and the system still need room. */
const RESERVE_BYTES = 512 * 2 ** 20;

export function hasRoom(neededBytes: number, freeBytes: number): boolean {
  return neededBytes === 0 || neededBytes + RESERVE_BYTES <= freeBytes;
}

/** The error `disk.full` for weights that do not fit. */
export function noRoom(neededBytes: number, freeBytes: number): AppError {
  return new AppError(
    'disk.full',
    `The converted weights need ${formatBytes(neededBytes)}, but the disk has ${formatBytes(freeBytes)} free.`,
    {
      remedy: `Free ${formatBytes(neededBytes + RESERVE_BYTES - freeBytes)}, or choose fewer formats.`,
      retryable: true,
      details: { neededBytes, freeBytes },
    },
  );
}
