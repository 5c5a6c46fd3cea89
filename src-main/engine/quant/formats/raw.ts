/** Packed bytes as they are, copied from a file that a session cannot read beside its cache file. */
import { part, type StorageFormat } from './storage-format.js';

/** Stored: value u8 [N, K], where N·K is the number of bytes. */
export const raw: StorageFormat = {
  layout: (n, k) => [part('value', 'u8', [n, k])],
  unit: 1,
  columnBlock: 1,
  sharedParts: [],
  gpuOverhead: 1.006,
  encode: () => {
    throw new Error('Invariant violated: bytes are copied, not encoded');
  },
  decode: () => {
    throw new Error('Invariant violated: bytes have no values');
  },
};
