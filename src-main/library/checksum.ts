import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { throwIfAborted } from '../base/app-error.js';

/** sha256 of the bytes; git-blob: sha-1 of `blob SIZE\0` and the bytes. */
export interface Checksum {
  readonly kind: 'sha256' | 'git-blob';
  /** Lower case. */
  readonly hex: string;
}

const PIECE_BYTES = 4 * 2 ** 20;

/** Hashes a file piece by piece. @param onBytes receives the size of each piece @throws AbortError; file-system errors unwrapped */
export async function hashFile(
  path: string,
  kind: Checksum['kind'],
  signal?: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash(kind === 'sha256' ? 'sha256' : 'sha1');
    if (kind === 'git-blob') hash.update(`blob ${(await handle.stat()).size}\0`);
    const piece = new Uint8Array(PIECE_BYTES);
    for (;;) {
      throwIfAborted(signal);
      const { bytesRead } = await handle.read(piece, 0, piece.byteLength, null);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
      onBytes?.(bytesRead);
    }
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}
