/** The error for converted weights that do not fit the disk. */
import { AppError } from '../../base/app-error.js';
import { missingRoom, RESERVE_BYTES } from '../../contract/preparation.js';
import { formatBytes } from '../support/byte-size.js';

export function noRoom(neededBytes: number, freeBytes: number): AppError {
  return new AppError(
    'disk.full',
    `The converted weights need ${formatBytes(neededBytes)} and ${formatBytes(RESERVE_BYTES)} must stay free, but the disk has ${formatBytes(freeBytes)} free.`,
    {
      remedy: `Free ${formatBytes(missingRoom(neededBytes, freeBytes))}, or choose fewer formats.`,
      retryable: true,
      details: { neededBytes, freeBytes },
    },
  );
}
