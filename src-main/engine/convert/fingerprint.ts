/**
 * A checkpoint's identity for cache names and run records: a hash over every tensor's name, dtype and shape and over
 * samples of its bytes. Hashing all of a 24 GB checkpoint would take a minute; a re-upload with other weights changes
 * the samples.
 */
import { createHash } from 'node:crypto';
import type { TensorSource } from '../weights/tensor-source.js';

/** Bytes hashed at the start, the middle and the end of each tensor. */
const SAMPLE_BYTES = 64;
/** Hex digits kept: 64 bits, ample against accidental collision. */
const DIGITS = 16;

/** @throws AppError weights.unreadable */
export async function fingerprint(
  source: TensorSource,
  include: (name: string) => boolean = () => true,
): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of source.entries.values()) {
    if (!include(entry.name)) continue;
    hash.update(`${entry.name}|${entry.dtype}|${entry.shape.join(',')}\n`);
    const last = Math.max(0, entry.byteLength - SAMPLE_BYTES);
    for (const start of new Set([0, Math.floor(last / 2), last])) {
      hash.update(await source.readRange(entry.name, start, Math.min(SAMPLE_BYTES, entry.byteLength - start)));
    }
  }
  return hash.digest('hex').slice(0, DIGITS);
}
