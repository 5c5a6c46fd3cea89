/** Compares a pack's files with the published hashes. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from './checksum.js';
import { diskError } from '../base/disk-error.js';
import type { DownloadManifest } from './manifest.js';

export interface HashCheck {
  /** Path in the pack. */
  readonly target: string;
  readonly matches: boolean;
}

/** Checks existing files with known hashes. @throws AppError disk.failed; AbortError */
export async function checkHashes(
  manifest: DownloadManifest,
  folder: string,
  signal: AbortSignal,
): Promise<HashCheck[]> {
  const checks: HashCheck[] = [];
  for (const { target, sha256 } of manifest.files) {
    const path = join(folder, ...target.split('/'));
    if (sha256 === null || (await stat(path).catch(() => null)) === null) continue;
    try {
      checks.push({ target, matches: (await hashFile(path, 'sha256', signal)) === sha256 });
    } catch (error) {
      throw diskError(error, `read ${path}`);
    }
  }
  return checks;
}
