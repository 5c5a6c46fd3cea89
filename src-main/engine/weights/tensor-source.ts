/**
 * The engine's view of a checkpoint: named tensors at places in files. Opening reads only headers; data is read on
 * request, a range at a time.
 */
import type { BlockTypeName } from '../quant/blocks/ggml-types.js';

/** Bytes of an element, by safetensors' names of the types; torch's are mapped to them. Two elements of F4 share one. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
  F4: 0.5,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type TensorDtype = keyof typeof DTYPE_BYTES;

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
export type TensorOrigin = PackedOrigin | MovedOrigin | MergedOrigin;

/** A weight stored in a packed form, presented as dtype F32 with its real shape; `packed-source.ts` reads it. */
export interface PackedOrigin {
  readonly kind: 'packed';
  /** Name of the stored form to show, such as `NF4` or `Q4_K`. */
  readonly type: string;
  /** All its tensors in files, or its shares of them: bytes for sizes and for the checkpoint's identity. */
  readonly parts: readonly TensorEntry[];
  /** Fraction of the parts' bytes that is this weight's, where others have the rest; default 1. */
  readonly share?: number;
  /** Where a session or an encoder finds its bytes; null when it can only be decoded by `decode`. */
  readonly layout: PackedLayout | null;
  /** Values [begin, end) of the flattened weight, row-major f32. @throws AppError weights.malformed, weights.unreadable */
  decode(begin: number, end: number): Promise<Float32Array>;
  /** Part of one of `parts`. @throws AppError weights.unreadable */
  readPart(part: TensorEntry, byteStart: number, byteLength: number): Promise<Uint8Array>;
}

/** How the packed bytes of a weight lie in a file. */
export type PackedLayout = Nf4Layout | BlocksLayout | Fp8Layout | PartsLayout;

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
  /** The layout of some rows of K columns; null where they are no whole blocks. */
  rows(first: number, count: number, k: number): Nf4Layout | null;
}

/** The rows of another tensor in another order, in its dtype. */
export interface MovedOrigin {
  readonly kind: 'moved';
  readonly base: TensorEntry;
  /** Part of the moved bytes. @throws AppError weights.unreadable */
  read(byteStart: number, byteLength: number): Promise<Uint8Array>;
  /** Part of `base`. @throws AppError weights.unreadable */
  readBase(byteStart: number, byteLength: number): Promise<Uint8Array>;
}

/** ggml's blocks of the flattened weight, which encoders decode in their own threads. */
export interface BlocksLayout {
  readonly format: 'blocks';
  readonly type: BlockTypeName;
  readonly blocks: FileRange;
  /** The layout of some rows of K columns. Rows are whole blocks. */
  rows(first: number, count: number, k: number): BlocksLayout;
}

/** e4m3fn codes [N, K] times a scale for each row. */
export interface Fp8Layout {
  readonly format: 'fp8';
  readonly codes: FileRange;
  /** [N]. @throws AppError weights.unreadable */
  readScales(): Promise<Float32Array>;
  rows(first: number, count: number, k: number): Fp8Layout;
}

export function fp8Layout(codes: FileRange, readScales: () => Promise<Float32Array>): Fp8Layout {
  return {
    format: 'fp8',
    codes,
    readScales,
    rows: (first, count, k) =>
      fp8Layout({ ...codes, byteOffset: codes.byteOffset + first * k, byteLength: count * k }, async () =>
        (await readScales()).subarray(first, first + count),
      ),
  };
}

/** The parts of a packed format (`quant/formats`), each as it lies in a file or computed. */
export interface PartsLayout {
  readonly format: 'parts';
  readonly kind: 'int8' | 'mxfp8' | 'nvfp4' | 'codebook4' | 'svdq';
  /** By the format's own names of its parts. */
  readonly parts: Readonly<Record<string, StoredBytes>>;
  /** Shapes of further parts, which the file decides; numbers in the scales' dtype. */
  readonly ranked: Readonly<Record<string, readonly number[]>>;
  /** The layout of some rows. */
  rows(first: number, count: number, k: number): PartsLayout;
}

/** A range of a file, or a function that gives all bytes: u8, or f32 for scales. */
export type StoredBytes = FileRange | (() => Promise<Uint8Array>);

/**
 * @param n rows of the weight
 * @param shared names of parts that are not of rows
 * @param ranked shapes of parts that the format does not give; those of rows begin with `n`
 */
export function partsLayout(
  kind: PartsLayout['kind'],
  n: number,
  parts: PartsLayout['parts'],
  shared: readonly string[] = [],
  ranked: PartsLayout['ranked'] = {},
): PartsLayout {
  const cut = (bytes: StoredBytes, first: number, count: number): StoredBytes => {
    if (typeof bytes === 'function') {
      return async () => {
        const all = await bytes();
        return all.slice((first * all.length) / n, ((first + count) * all.length) / n);
      };
    }
    const row = bytes.byteLength / n;
    return { ...bytes, byteOffset: bytes.byteOffset + first * row, byteLength: count * row };
  };
  return {
    format: 'parts',
    kind,
    parts,
    ranked,
    rows: (first, count) =>
      partsLayout(
        kind,
        count,
        Object.fromEntries(
          Object.entries(parts).map(([name, bytes]) => [
            name,
            shared.includes(name) ? bytes : cut(bytes, first, count),
          ]),
        ),
        shared,
        Object.fromEntries(
          Object.entries(ranked).map(([name, dims]) => [
            name,
            shared.includes(name) ? dims : [count, ...dims.slice(1)],
          ]),
        ),
      ),
  };
}

/** How the bytes of a tensor can be kept as they are; null where they are 16 bits wide or more, or only decoded. */
export function layoutOf(entry: TensorEntry): PackedLayout | null {
  if (entry.origin?.kind === 'packed') return entry.origin.layout;
  if (entry.origin !== undefined || entry.dtype !== 'F8_E4M3') return null;
  return fp8Layout(entry, () => Promise.resolve(new Float32Array(entry.shape[0] ?? 1).fill(1)));
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
  readonly additions: readonly WeightAddition[];
  /** Part of `base`. @throws AppError weights.unreadable */
  readBase(byteStart: number, byteLength: number): Promise<Uint8Array>;
  /**
   * Rows of `base`, and of the sum before it is rounded; a vector's numbers are its rows.
   * @throws AppError weights.unreadable
   */
  readRows(firstRow: number, rows: number): Promise<{ readonly base: Float32Array; readonly sum: Float32Array }>;
}

/** A range of elements in a file. */
export interface StoredValues {
  readonly file: string;
  readonly byteOffset: number;
  readonly dtype: TensorDtype;
}

/** A matrix in a file, row-major and contiguous. */
export interface StoredMatrix extends StoredValues {
  readonly rows: number;
  readonly columns: number;
}

/** left [N, r] · right [r, K]. */
export interface StoredProduct {
  readonly left: StoredMatrix;
  readonly right: StoredMatrix;
}

/** A matrix [N, K] made of what a LoRA stores; N and K of its layer, which may be several weights stacked. */
export type StoredDelta =
  | { readonly kind: 'low-rank'; readonly product: StoredProduct }
  /** LoHa: the products' elements multiplied. */
  | { readonly kind: 'hadamard'; readonly first: StoredProduct; readonly second: StoredProduct }
  /** LoKr: first [N / c, K / d] ⊗ second [c, d]. */
  | { readonly kind: 'kronecker'; readonly first: StoredFactor; readonly second: StoredFactor }
  /** `.diff`: as it is. */
  | { readonly kind: 'whole'; readonly values: StoredMatrix }
  /** GLoRA: W · input [K, K] + output [N, K]. */
  | { readonly kind: 'generalized'; readonly input: StoredProduct; readonly output: StoredProduct };

export type StoredFactor = StoredMatrix | StoredProduct;

/** Rows of a delta Δ, times a factor, for rows of a weight W; with a decomposition, what DoRA makes of them. */
export interface WeightAddition {
  /** First changed row of the weight, and number of rows. */
  readonly weightRow: number;
  readonly rows: number;
  /** The first of these rows in Δ. */
  readonly deltaRow: number;
  /** Factor of Δ: γ, and without a decomposition the LoRA's weight times γ. */
  readonly factor: number;
  readonly delta: StoredDelta;
  readonly decomposition: Decomposition | null;
}

/**
 * DoRA: with V = W + γΔ, W' = V scaled so that each row, or each column, has the norm that the LoRA stores; added is
 * strength · (W' − W).
 *
 * @source peft 0.21.2 tuners/lora/dora.py and lycoris-lora 4.1.3 functional/general.py for W'; ComfyUI
 * weight_adapter/base.py for a strength other than 1 (PEFT and LyCORIS have the strength inside V or outside of it)
 */
export interface Decomposition {
  /** The LoRA's weight. */
  readonly strength: number;
  /** Norms: of Δ's N rows, or its K columns. */
  readonly magnitude: StoredValues;
  readonly axis: 'row' | 'column';
  /** For columns: all weights of the layer, whose norms span them. */
  readonly layer: readonly LayerRows[];
}

/** Rows of a checkpoint's weight W and the same rows in Δ. */
export interface LayerRows {
  readonly weight: string;
  readonly weightRow: number;
  readonly deltaRow: number;
  readonly rows: number;
  /** Those rows; null where they are not in a file as plain numbers. */
  readonly stored: StoredMatrix | null;
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
  return Math.round(origin.parts.reduce((sum, part) => sum + part.byteLength, 0) * (origin.share ?? 1));
}

/** Name to show of a tensor's stored element type. */
export function storedDtype({ origin, dtype }: TensorEntry): string {
  return origin?.kind === 'packed' ? origin.type : dtype;
}

/**
 * The stored form of most quantized matrices, such as `Q4_K`, where those are most of all matrices' weights; else null:
 * 16 bits and more are no quantization.
 */
export function quantizedAs(entries: readonly TensorEntry[]): string | null {
  const counts = new Map<string, number>();
  let all = 0;
  let quantized = 0;
  for (const entry of entries) {
    if (entry.shape.length !== 2) continue;
    const count = elementCount(entry.shape);
    const stored = storedDtype(entry);
    all += count;
    if (/^(B?F16|F32|F64)$/.test(stored)) continue;
    quantized += count;
    counts.set(stored, (counts.get(stored) ?? 0) + count);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most === undefined || quantized * 2 < all ? null : most[0];
}
