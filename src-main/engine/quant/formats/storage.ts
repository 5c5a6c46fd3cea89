/** All storage formats, by name. */
import { isLossy, type LossyFormat, type WeightFormat } from '../../../base/vocabulary.js';
import { fixed16 } from './fixed16.js';
import { fp8 } from './fp8.js';
import { int4 } from './int4.js';
import { int8 } from './int8.js';
import { nf4 } from './nf4.js';
import { bf16, f16, f32 } from './sixteen-bit.js';
import { EncodeMemory, StoredValues, type EncodedParts, type PackedFormat, type PartPlan } from './storage-format.js';
import type { ScaleDtype, Weights } from './weights.js';

/** Formats that graphs multiply by in their stored form: a quantized format, or 16-bit fixed point. */
export const PACKED_FORMATS = { fp8, int8, int4, nf4, fixed16 } as const satisfies Readonly<
  Record<LossyFormat | 'fixed16', PackedFormat>
>;
export type PackedTarget = keyof typeof PACKED_FORMATS;
/** Targets of encoding: a packed format, or plain values of a float type. */
export const STORAGE_FORMATS = { ...PACKED_FORMATS, bf16, f16, f32 } as const;
export type StorageTarget = keyof typeof STORAGE_FORMATS;

export function isPacked(target: StorageTarget): target is PackedTarget {
  return target in PACKED_FORMATS;
}

/** A number of columns that contains whole blocks of every format. */
export const LARGEST_BLOCK = Math.max(...Object.values(STORAGE_FORMATS).map(({ columnBlock }) => columnBlock));

/** The usual storage of a weight format; 16-bit as in checkpoints. */
export function storageOf(format: WeightFormat): StorageTarget {
  return isLossy(format) ? format : 'bf16';
}

/** The parts of a weight [N, K] in a file. */
export function planTensor(target: StorageTarget, n: number, k: number, scaleDtype: ScaleDtype): PartPlan[] {
  return STORAGE_FORMATS[target].layout(n, k, scaleDtype);
}

/** Bytes of a weight [N, K] in a format, including scales and padding. */
export function storedBytes(format: WeightFormat, n: number, k: number, scaleDtype: ScaleDtype): number {
  return planTensor(storageOf(format), n, k, scaleDtype).reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Encodes weights chunk by chunk into reused memory. */
export class StorageEncoder {
  readonly #target: StorageTarget;
  readonly #scaleDtype: ScaleDtype;
  readonly #memory = new EncodeMemory();

  constructor(target: StorageTarget, scaleDtype: ScaleDtype) {
    this.#target = target;
    this.#scaleDtype = scaleDtype;
  }

  /** As `StorageFormat.encode`; the parts are valid until the next call. */
  encode(weights: Weights, n: number, k: number, label: string): EncodedParts {
    return STORAGE_FORMATS[this.#target].encode(weights, n, k, this.#memory, this.#scaleDtype, label);
  }
}

/** Values of stored parts with scales as rounded in storage, [N, K] f32. Slow; for tests and checks. */
export function decodeStorage(
  target: StorageTarget,
  parts: EncodedParts,
  n: number,
  k: number,
  scaleDtype: ScaleDtype,
): Float32Array {
  return STORAGE_FORMATS[target].decode(new StoredValues(parts, scaleDtype), n, k);
}
