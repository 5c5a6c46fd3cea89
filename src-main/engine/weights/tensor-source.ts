/**
 * The engine's view of a checkpoint: named tensors at places in files. Opening reads only headers; data is read on
 * request, a range at a time.
 */

/** safetensors' names of element types; torch's types are mapped to them. */
export type TensorDtype =
  'F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

export const DTYPE_BYTES: Readonly<Record<TensorDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** One tensor and the place of its contiguous, row-major, little-endian bytes. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: TensorDtype;
  /** Dimensions; a scalar has none. */
  readonly shape: readonly number[];
  /** Absolute path. */
  readonly file: string;
  /** Bytes from the start of that file. */
  readonly byteOffset: number;
  readonly byteLength: number;
  /**
   * Set when the source computes the bytes: then `dtype` and `byteLength` are those of the result, and `file` and
   * `byteOffset` mean nothing.
   */
  readonly origin?: TensorOrigin;
}

/** Inputs of a computed tensor. */
export type TensorOrigin = PackedOrigin | MergedOrigin;

/** A weight stored in a packed form, presented as dtype F32 with its real shape; `packed-source.ts` reads it. */
export interface PackedOrigin {
  readonly kind: 'packed';
  /** Name of the stored form to show, such as `NF4` or `Q4_K`. */
  readonly type: string;
  /** All its tensors in files: bytes for sizes and for the checkpoint's identity. */
  readonly parts: readonly TensorEntry[];
  /** How a session can read its bytes as they are; null when it can only be decoded. */
  readonly layout: PackedLayout | null;
  /** Values [begin, end) of the flattened weight, row-major f32. @throws AppError weights.malformed, weights.unreadable */
  decode(begin: number, end: number): Promise<Float32Array>;
  /** Part of one of `parts`. @throws AppError weights.unreadable */
  readPart(part: TensorEntry, byteStart: number, byteLength: number): Promise<Uint8Array>;
}

/** Packed bytes that sessions can read in a file. */
export type PackedLayout = Nf4Layout;

/** bitsandbytes' NF4 with blocks of 64. */
export interface Nf4Layout {
  /** Format of its bytes. */
  readonly format: 'nf4';
  /** u8 [ceil(N·K / 2)], flattened, even elements in the high nibble. */
  readonly codes: FileRange;
  /** f32 [ceil(N·K / 64)]; null when it is nested and must be computed. */
  readonly absmax: FileRange | null;
  /** The plain absmax, [ceil(N·K / 64)]. @throws AppError weights.malformed, weights.unreadable */
  readAbsmax(): Promise<Float32Array>;
}

/** Bytes of a file. */
export type FileRange = Pick<TensorEntry, 'file' | 'byteOffset' | 'byteLength'>;

/** A weight with LoRAs added. */
export interface MergedOrigin {
  readonly kind: 'merged';
  /** Hash of the LoRAs' contents and weights. */
  readonly digest: string;
  /** The weight without them. */
  readonly base: TensorEntry;
  /** Added in this order before the sum is rounded to bf16. */
  readonly additions: readonly LowRankAddition[];
  /** Part of `base`. @throws AppError weights.unreadable */
  readBase(byteStart: number, byteLength: number): Promise<Uint8Array>;
}

/** factor · B·A for some rows of a weight [N, K], A and B in files. */
export interface LowRankAddition {
  /** First changed row of the weight, and number of rows. */
  readonly weightRow: number;
  readonly rows: number;
  readonly rank: number;
  readonly factor: number;
  /** A: [rank, K]. */
  readonly down: StoredValues;
  /** Those rows of B: [rows, rank]. */
  readonly up: StoredValues;
}

/** A range of elements in a file. */
export interface StoredValues {
  readonly file: string;
  readonly byteOffset: number;
  readonly dtype: TensorDtype;
}

/** An open checkpoint; has file handles until `close`. */
export interface TensorSource {
  /** All tensors by name, in file order. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Free-form header metadata (safetensors' `__metadata__`). */
  readonly metadata: Readonly<Record<string, string>>;
  /** The raw bytes of one tensor, owned by the caller. @throws AppError weights.missing-tensor, weights.unreadable */
  readBytes(name: string): Promise<Uint8Array>;
  /**
   * One tensor as float32; only F64, I64 and I32 beyond 2^24 are rounded.
   * @throws AppError weights.missing-tensor, weights.unreadable
   */
  readF32(name: string): Promise<Float32Array>;
  /**
   * Part of one tensor's bytes, owned by the caller.
   * @param byteStart from the start of the tensor
   * @throws AppError weights.missing-tensor, weights.unreadable, weights.wrong-shape for a range outside the tensor
   */
  readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Bytes of a tensor in its files. */
export function storedBytes({ origin, byteLength }: TensorEntry): number {
  if (origin?.kind !== 'packed') return byteLength;
  return origin.parts.reduce((sum, part) => sum + part.byteLength, 0);
}

/** Name to show of a tensor's stored element type. */
export function storedDtype({ origin, dtype }: TensorEntry): string {
  return origin?.kind === 'packed' ? origin.type : dtype;
}
