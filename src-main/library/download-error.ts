/** Failures of downloads by what the person can do. Network and hub failures become `AppError` here and nowhere else. */
import { AppError, type AppErrorOptions } from '../base/app-error.js';
import type { DiskRemedies } from '../base/disk-error.js';

export type DownloadReason =
  | 'no-token'
  | 'bad-token'
  | 'wrong-scope'
  | 'licence-not-accepted'
  | 'pending'
  | 'rejected'
  | 'not-found'
  | 'refused'
  | 'rate-limited'
  | 'server'
  | 'network'
  | 'stalled'
  | 'cut'
  | 'link-expired'
  | 'changed'
  | 'checksum'
  | 'bad-answer'
  | 'offline'
  | 'insecure'
  | 'busy';

/** @returns an AppError `download.failed` whose details name the reason */
export function downloadError(reason: DownloadReason, message: string, options: AppErrorOptions): AppError {
  return new AppError('download.failed', message, { ...options, details: { reason, ...options.details } });
}

/** The reason of a failed download; null for other errors. */
export function reasonOf(error: unknown): DownloadReason | null {
  if (!(error instanceof AppError) || error.code !== 'download.failed') return null;
  const reason = error.details['reason'];
  return typeof reason === 'string' ? (reason as DownloadReason) : null;
}

/** Remedies where a download could not be written. */
export const DISK_REMEDIES: DiskRemedies = {
  full: 'Free some space and resume the download; the downloaded part is kept.',
  other: 'Check that the folder exists and is writable, then resume the download.',
};
