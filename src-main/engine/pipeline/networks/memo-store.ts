/**
 * Results that several runs of a comparison share, kept in the engine process: encoded prompts, identity embeddings and
 * tokens, control latents.
 */
import { createHash } from 'node:crypto';

/** Number of entries; the largest (T5-XXL tokens) has 8 MB, so the store stays under about 300 MB. */
const CAPACITY = 32;

/** Least recently used first. */
export type MemoStore = Map<string, Promise<unknown>>;

export function createMemoStore(): MemoStore {
  return new Map();
}

type KeyPart = string | number | Float32Array;

/** The stored result for the key, or that of `make`, which is then stored unless it fails. */
export async function memoize<T>(store: MemoStore, key: readonly KeyPart[], make: () => Promise<T>): Promise<T> {
  const digest = digestOf(key);
  const known = store.get(digest) as Promise<T> | undefined;
  if (known !== undefined) {
    store.delete(digest);
    store.set(digest, known);
    return known;
  }
  const made = make();
  store.set(digest, made);
  made.catch(() => store.delete(digest));
  const oldest = store.keys().next();
  if (store.size > CAPACITY && oldest.done !== true) store.delete(oldest.value);
  return made;
}

function digestOf(key: readonly KeyPart[]): string {
  const hash = createHash('sha256');
  for (const part of key) {
    if (part instanceof Float32Array) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    else hash.update(String(part));
    hash.update('\0');
  }
  return hash.digest('hex');
}
