/** Weights in one-byte floats that neither encoders nor sessions take, without scales: shown as f32. */
import { decodeToF32, type ByteFloat } from '../decode.js';
import { packedEntry, type PackedWeight } from '../packed-source.js';
import type { TensorDtype, TensorEntry } from '../tensor-source.js';
import type { Packing } from './packed-parts.js';

const NARROW: readonly TensorDtype[] = ['F8_E4M3FNUZ', 'F8_E5M2FNUZ'] satisfies ByteFloat[];

export const narrowFloats: Packing = {
  name: 'fp8',
  find: (source, claimed) => {
    const weights: PackedWeight[] = [];
    for (const entry of source.entries.values()) {
      if (!NARROW.includes(entry.dtype) || claimed.has(entry.name)) continue;
      const { name, dtype, shape } = entry;
      const read = (_: TensorEntry, byteStart: number, byteLength: number): Promise<Uint8Array> =>
        source.readRange(name, byteStart, byteLength);
      weights.push({
        companions: [],
        entry: packedEntry(name, shape, entry, {
          kind: 'packed',
          type: dtype,
          parts: [entry],
          layout: null,
          decode: async (begin, end) => decodeToF32(dtype, await source.readRange(name, begin, end - begin)),
          readPart: read,
        }),
      });
    }
    return { weights };
  },
};
