/** Every way in which a weight is stored, and what is asked of each by name. */
import { isLossy, type LossyFormat, type WeightFormat } from '../../../base/vocabulary.js';
import { fixed16 } from './fixed16.js';
import { fp8 } from './fp8.js';
import { int4 } from './int4.js';
import { int8 } from './int8.js';
import { nf4 } from './nf4.js';
import { bf16, f16, f32 } from './sixteen-bit.js';
import { EncodeMemory, StoredValues, type EncodedParts, type PackedFormat, type PartPlan } from './storage-format.js';
import type { ScaleDtype, Weights } from './weights.js';

/** What graphs multiply by as it is stored: a quantized format, or 16-bit fixed point. */
export const PACKED_FORMATS = { fp8, int8, int4, nf4, fixed16 } as const satisfies Readonly<
  Record<LossyFormat | 'fixed16', PackedFormat>
>;
export type PackedTarget = keyof typeof PACKED_FORMATS;
/** What a weight can be encoded to: a packed format, or plain values of a float type. */
export const STORAGE_FORMATS = { ...PACKED_FORMATS, bf16, f16, f32 } as const;
export type StorageTarget = keyof typeof STORAGE_FORMATS;

export function isPacked(target: StorageTarget): target is PackedTarget {
  return target in PACKED_FORMATS;
}

/** Columns that whole blocks of every format fit into. */
export const LARGEST_BLOCK = Math.max(...Object.values(STORAGE_FORMATS).map(({ columnBlock }) => columnBlock));

/** How a weight format is stored in general; 16-bit as checkpoints have it. */
export function storageOf(format: WeightFormat): StorageTarget {
  return isLossy(format) ? format : 'bf16';
}

/** The parts of a weight [N, K] as they lie in a file. */
export function planTensor(target: StorageTarget, n: number, k: number, scaleDtype: ScaleDtype): PartPlan[] {
  return STORAGE_FORMATS[target].layout(n, k, scaleDtype);
}

/** Bytes of a weight [N, K] in a format, scales and padding included. */
export function storedBytes(format: WeightFormat, n: number, k: number, scaleDtype: ScaleDtype): number {
  return planTensor(storageOf(format), n, k, scaleDtype).reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Encodes weights a chunk at a time, into memory that is used again. */
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

/**
 * The values that stored parts stand for, scales as rounded in storage. For tests and checks: it is not fast.
 * @returns [N, K] f32
 */
export function decodeStorage(
  target: StorageTarget,
  parts: EncodedParts,
  n: number,
  k: number,
  scaleDtype: ScaleDtype,
): Float32Array {
  return STORAGE_FORMATS[target].decode(new StoredValues(parts, scaleDtype), n, k);
}
