/**
 * A checkpoint's identity for cache names and run records: a hash of every tensor's name, dtype and shape and of samples
 * of its bytes. Hashing all of a 24 GB checkpoint would take a minute; other weights under the same name change the
 * samples. Added LoRAs count with all of their contents.
 */
import { createHash, type Hash } from 'node:crypto';
import type { TensorEntry, TensorSource } from '../weights/tensor-source.js';

/** Bytes hashed at the start, the middle and the end of each tensor. */
const SAMPLE_BYTES = 64;
/** Hex digits kept: 64 bits. */
const DIGITS = 16;

type ReadRange = (byteStart: number, byteLength: number) => Promise<Uint8Array>;

/** @throws AppError weights.unreadable */
export async function fingerprint(
  source: TensorSource,
  include: (name: string) => boolean = () => true,
): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of source.entries.values()) {
    if (include(entry.name))
      await addTensor(hash, entry, (start, length) => source.readRange(entry.name, start, length));
  }
  return hash.digest('hex').slice(0, DIGITS);
}

/** Hashes a computed tensor's inputs, so that nothing is computed here. */
async function addTensor(hash: Hash, entry: TensorEntry, read: ReadRange): Promise<void> {
  const { origin } = entry;
  hash.update(`${entry.name}|${entry.dtype}|${entry.shape.join(',')}\n`);
  switch (origin?.kind) {
    case undefined:
      return addSamples(hash, entry.byteLength, read);
    case 'packed':
      for (const part of origin.parts) {
        await addSamples(hash, part.byteLength, (start, length) => origin.readPart(part, start, length));
      }
      return;
    case 'moved':
      hash.update('moved\n');
      return addTensor(hash, origin.base, (start, length) => origin.readBase(start, length));
    case 'merged':
      hash.update(`merged|${origin.digest}\n`);
      return addTensor(hash, origin.base, (start, length) => origin.readBase(start, length));
  }
}

async function addSamples(hash: Hash, byteLength: number, read: ReadRange): Promise<void> {
  const last = Math.max(0, byteLength - SAMPLE_BYTES);
  for (const start of new Set([0, Math.floor(last / 2), last])) {
    hash.update(await read(start, Math.min(SAMPLE_BYTES, byteLength - start)));
  }
}
