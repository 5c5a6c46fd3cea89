/**
 * Messages between the encode pool and its workers, and how a tensor is cut into pieces. Pieces are independent: their
 * places in the target file follow from their first weight.
 */
import type { ErrorDto } from '../../base/app-error.js';
import { BLOCK_TYPES, type BlockTypeName } from '../quant/blocks/ggml-types.js';
import { DTYPE_BYTES, type TensorDtype, type WeightAddition } from '../weights/tensor-source.js';
import { planTensor, STORAGE_FORMATS, type StorageTarget } from '../quant/formats/storage.js';
import type { PartPlan, StorageFormat } from '../quant/formats/storage-format.js';
import type { ScaleDtype } from '../quant/formats/weights.js';

/** Dtypes of weights that can be encoded. */
export const SOURCE_DTYPES = ['BF16', 'F16', 'F32', 'F8_E4M3', 'F8_E5M2'] as const satisfies readonly TensorDtype[];
export type SourceDtype = (typeof SOURCE_DTYPES)[number];

/** Where a matrix [n, k] lies in a file, row-major and contiguous. */
export interface WeightPlace {
  /** Absolute path. */
  readonly file: string;
  readonly byteOffset: number;
  /** Set where the file holds ggml's blocks of the flattened matrix, which decode to F32. */
  readonly blocks?: BlockTypeName;
  /** Products added to the weights; the sum is rounded to bf16 and then encoded. */
  readonly additions?: readonly WeightAddition[];
}

interface EncodeSource extends WeightPlace {
  /** One of SOURCE_DTYPES, others are rejected; F32 with `blocks`; U8 for a copy (`raw`). */
  readonly dtype: TensorDtype;
  readonly n: number;
  readonly k: number;
}

/** One tensor to encode. */
export interface EncodeJob {
  /** Named in errors. */
  readonly name: string;
  readonly source: EncodeSource;
  readonly format: StorageTarget;
  /** Number of column stretches stored one after the other; each is a multiple of blocks. Default 1. */
  readonly panels?: number;
  readonly scaleDtype: ScaleDtype;
  readonly target: {
    /** Absolute path of an existing file, long enough for every part. */
    readonly file: string;
    /** Where each part of `planTensor(format, n, k, scaleDtype)` begins. */
    readonly parts: readonly { readonly suffix: string; readonly byteOffset: number }[];
  };
}

/** A stretch [begin, end) of a job's flattened weights that can be encoded on its own. */
export interface EncodeTask {
  readonly job: EncodeJob;
  readonly begin: number;
  readonly end: number;
}

export type FromEncodeWorker =
  /** Bytes of weights, in their source's dtype, encoded and written since the last message. */
  | { readonly type: 'progress'; readonly bytes: number }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: ErrorDto };

/** Whether a job must be one task: what is scaled by a number of the whole weight is looked through once before. */
export function isOneTask({ format, source }: EncodeJob): boolean {
  const { isScaledAsWhole = false }: StorageFormat = STORAGE_FORMATS[format];
  // Norms of whole columns are computed once by the worker that encodes the weight.
  return isScaledAsWhole || (source.additions?.some(({ decomposition }) => decomposition?.axis === 'column') ?? false);
}

/** Number of weights that a piece must not split. */
export function unitOf({ format, source, panels = 1 }: EncodeJob): number {
  const { unit } = STORAGE_FORMATS[format];
  // Products are added to whole rows, and a block, of the format or of the source, may span rows.
  const rows = unit === 'row' || panels > 1 || source.additions !== undefined ? source.k : 1;
  const block = unit === 'row' || panels > 1 ? 1 : unit;
  const sourceBlock = source.blocks === undefined ? 1 : BLOCK_TYPES[source.blocks].elements;
  return [block, sourceBlock].reduce(leastCommonMultiple, rows);
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b];
  while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}

/** Cuts [begin, end) into stretches of at most `weights` weights, but at least one unit. */
export function* split(job: EncodeJob, begin: number, end: number, weights: number): Generator<[number, number]> {
  const unit = unitOf(job);
  const size = Math.max(1, Math.floor(weights / unit)) * unit;
  for (let at = begin; at < end; at += size) yield [at, Math.min(at + size, end)];
}

/** Place of a stretch's bytes in the source, from its start. The stretch does not split a block. */
export function sourceRange(
  { dtype, blocks }: EncodeJob['source'],
  begin: number,
  end: number,
): { readonly byteStart: number; readonly byteLength: number } {
  const { elements, bytes } = blocks === undefined ? { elements: 1, bytes: DTYPE_BYTES[dtype] } : BLOCK_TYPES[blocks];
  return { byteStart: (begin / elements) * bytes, byteLength: ((end - begin) / elements) * bytes };
}

/** Rows and columns of a stretch for the encoder. */
export function chunkShape(job: EncodeJob, begin: number, end: number): { readonly n: number; readonly k: number } {
  const { k } = job.source;
  return STORAGE_FORMATS[job.format].unit === 'row' ? { n: (end - begin) / k, k } : { n: 1, k: end - begin };
}

/** Bytes of each part before a stretch. */
export function bytesBefore(job: EncodeJob, begin: number): ReadonlyMap<string, number> {
  const sizes = (end: number): PartPlan[] => {
    const { n, k } = chunkShape(job, 0, end);
    return planTensor(job.format, n, k, job.scaleDtype);
  };
  // A part that is one for the whole weight takes its place in every stretch.
  const ofNone = new Map(sizes(0).map(({ suffix, byteLength }) => [suffix, byteLength]));
  return new Map(
    sizes(begin).map(({ suffix, byteLength }) => [suffix, byteLength - (ofNone.get(suffix) ?? 0)] as const),
  );
}
