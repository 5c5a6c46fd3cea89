/** All storage formats, by name. */
import { isLossy, type LossyFormat, type WeightFormat } from '../../../base/vocabulary.js';
import { BLOCK_FORMATS } from './block-graph.js';
import { mxfp8 } from './block-scaled.js';
import { codebook4 } from './codebook4.js';
import { fixed16 } from './fixed16.js';
import { fp8 } from './fp8.js';
import { int4 } from './int4.js';
import { int8 } from './int8.js';
import { q4_k, q5_k, q6_k } from './k-formats.js';
import { mxfp4 } from './mxfp4.js';
import { nf4 } from './nf4.js';
import { nvfp4, nvfp4_ggml } from './nvfp4.js';
import { q4_0 } from './q4_0.js';
import { q8_0 } from './q8_0.js';
import { raw } from './raw.js';
import { bf16, f16, f32 } from './sixteen-bit.js';
import { svdq } from './svdq.js';
import {
  EncodeMemory,
  StoredValues,
  type EncodedParts,
  type PackedFormat,
  type PartPlan,
  type StorageFormat,
} from './storage-format.js';
import type { ScaleDtype, Weights } from './weights.js';

/** Packed formats that are made from weights: a quantized format, or 16-bit fixed point. */
const MADE_FORMATS = {
  fp8,
  int8,
  q8_0,
  q6_k,
  q5_k,
  q4_k,
  q4_0,
  int4,
  nf4,
  mxfp4,
  nvfp4,
  nvfp4_ggml,
  fixed16,
} as const satisfies Readonly<Record<LossyFormat | 'fixed16', PackedFormat>>;
/** Formats that graphs multiply by in their stored form: those, and what files of other tools have. */
export const PACKED_FORMATS = {
  ...MADE_FORMATS,
  ...BLOCK_FORMATS,
  mxfp8,
  codebook4,
  svdq,
} as const satisfies Readonly<Record<string, PackedFormat>>;
export type PackedTarget = keyof typeof PACKED_FORMATS;
/** Targets of encoding: a packed format, plain values of a float type, or a copy of packed bytes. */
export const STORAGE_FORMATS = { ...MADE_FORMATS, bf16, f16, f32, raw } as const;
export type StorageTarget = keyof typeof STORAGE_FORMATS;
const ALL_FORMATS = { ...PACKED_FORMATS, ...STORAGE_FORMATS } as const;

/** Whether a packed format is made by this app. */
export function isMade(target: PackedTarget): boolean {
  return target in MADE_FORMATS;
}

export function isPacked(target: StorageTarget): target is keyof typeof MADE_FORMATS {
  return target in MADE_FORMATS;
}

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
  encode(weights: Weights, n: number, k: number, label: string, absmax?: number): EncodedParts {
    const format: StorageFormat = STORAGE_FORMATS[this.#target];
    return format.encode(weights, n, k, this.#memory, this.#scaleDtype, label, absmax);
  }
}

/** Values of stored parts with scales as rounded in storage, [N, K] f32. Slow; for tests and checks. */
export function decodeStorage(
  target: StorageTarget | PackedTarget,
  parts: EncodedParts,
  n: number,
  k: number,
  scaleDtype: ScaleDtype,
): Float32Array {
  return ALL_FORMATS[target].decode(new StoredValues(parts, scaleDtype), n, k);
}
