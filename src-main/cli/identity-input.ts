/** The identity that options name: a photo, an embedding, or none. */
import { resolve } from 'node:path';
import type { IdentityInput } from '../engine/protocol.js';
import { readEmbedding } from './read-embedding.js';

interface IdentityOptions {
  readonly identity?: string;
  readonly identityEmbedding?: string;
  readonly face: number;
}

/** @throws AppError engine.request-invalid, weights.* for an embedding file that does not fit */
export async function identityInput(options: IdentityOptions): Promise<IdentityInput> {
  if (options.identity !== undefined) {
    return { kind: 'image', path: resolve(options.identity), faceIndex: options.face };
  }
  if (options.identityEmbedding === undefined) return { kind: 'none' };
  return { kind: 'embedding', values: await readEmbedding(options.identityEmbedding) };
}
