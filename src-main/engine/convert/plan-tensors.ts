/** Decides whether each tensor of a checkpoint is read in place or encoded into a cache file, and its offset there. */
import { AppError } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import type { ComputeProfile } from '../graph/compute-profile.js';
import type { OnnxType } from '../graph/onnx-schema.js';
import type { Storage, StoredPart, StoredTensor } from '../graph/stored-tensor.js';
import { AS_FILE, isLossy, type LossyFormat, type WeightFormat } from '../protocol.js';
import type { BlockTypeName } from '../quant/blocks/ggml-types.js';
import type { LinearFormats } from '../quant/mix-formats.js';
import type { PartPlan } from '../quant/formats/storage-format.js';
import { isPacked, PACKED_FORMATS, planTensor, STORAGE_FORMATS, type StorageTarget } from '../quant/formats/storage.js';
import {
  DTYPE_BYTES,
  elementCount,
  layoutOf,
  type BlocksLayout,
  type FileRange,
  type Fp8Layout,
  type MergedOrigin,
  type Nf4Layout,
  type PackedLayout,
  type PartsLayout,
  type TensorDtype,
  type TensorEntry,
  type TensorSource,
} from '../weights/tensor-source.js';
import { SOURCE_DTYPES, type WeightPlace } from './encode-task.js';

/** Parts begin on pages, for memory mapping. */
const PART_ALIGNMENT = 4096;

export interface PlanRequest {
  /** Named in messages, such as "FLUX". */
  readonly label: string;
  readonly source: TensorSource;
  /** Tensors of the checkpoint that belong to this network. */
  readonly include: (name: string) => boolean;
  /** Linears in the format; all other tensors stay in 16-bit. */
  readonly quantizable: (entry: TensorEntry) => boolean;
  readonly format: WeightFormat;
  /** Formats of single linears that replace it. */
  readonly mix?: LinearFormats;
  readonly profile: ComputeProfile;
  /** Whether the session runs on a GPU, which reads only its own compute dtype. */
  readonly gpu: boolean;
  /** Whether a session can read this file beside the cache file; else its tensors are copied there. */
  readonly readsInPlace: (file: string) => boolean;
  /** Keeps every tensor in its source dtype (parity checks on f32 checkpoints). CPU only. */
  readonly exact?: boolean;
}

/** Weights [n, k] to encode into parts of the cache file. */
export interface Encoding {
  /** The tensor's, for messages. */
  readonly name: string;
  /** Place of the weights, or a function that computes a range of their bytes. */
  readonly source: {
    readonly dtype: TensorDtype;
    readonly from:
      | ({ readonly kind: 'file' } & WeightPlace)
      | {
          readonly kind: 'computed';
          readonly read: (byteStart: number, byteLength: number) => Promise<Uint8Array>;
        };
  };
  readonly n: number;
  readonly k: number;
  readonly target: StorageTarget;
  /** Number of column stretches stored one after the other. */
  readonly panels: number;
  readonly parts: readonly (PartPlan & { readonly byteOffset: number })[];
}

export interface TensorPlan {
  /** Name and target: part of the cache file's name. */
  readonly signature: string;
  /** None when the tensor is read in place. */
  readonly encodings: readonly Encoding[];
  /** @param cacheFile of the encoded parts */
  readonly stored: (cacheFile: string) => StoredTensor;
}

export interface ComponentPlan {
  readonly tensors: readonly TensorPlan[];
  /** Bytes of the cache file, 0 when nothing is encoded. */
  readonly fileSize: number;
}

/** GGUF's types that the app makes, too. */
const MADE_AS_BLOCKS: Readonly<Partial<Record<BlockTypeName, LossyFormat>>> = {
  Q8_0: 'q8_0',
  Q6_K: 'q6_k',
  Q5_K: 'q5_k',
  Q4_K: 'q4_k',
  Q4_0: 'q4_0',
  MXFP4: 'mxfp4',
  NVFP4: 'nvfp4_ggml',
};

/** Source dtypes that a CPU session reads directly. */
const IN_PLACE: Readonly<Partial<Record<TensorDtype, OnnxType>>> = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  F8_E4M3: 'f8e4m3fn',
};

/** @throws AppError weights.unsupported-dtype */
export function planTensors(request: PlanRequest): ComponentPlan {
  let fileSize = 0;
  const place = (parts: readonly PartPlan[]): Encoding['parts'] =>
    parts.map((part) => {
      const byteOffset = fileSize;
      fileSize = alignUp(byteOffset + part.byteLength, PART_ALIGNMENT);
      return { ...part, byteOffset };
    });
  const tensors: TensorPlan[] = [];
  for (const entry of request.source.entries.values()) {
    if (request.include(entry.name)) tensors.push(planOne(request, entry, place));
  }
  return { tensors, fileSize };
}

type Place = (parts: readonly PartPlan[]) => Encoding['parts'];

function planOne(request: PlanRequest, entry: TensorEntry, place: Place): TensorPlan {
  const target = targetOf(request, entry);
  if (target === 'in-place') return inPlace(entry);
  if (target === 'packed') {
    const layout = layoutOf(entry);
    if (layout === null) throw new Error(`Invariant violated: ${entry.name} is not packed`);
    switch (layout.format) {
      case 'nf4':
        return packed(request, entry, layout, place);
      case 'blocks':
        return blocks(request, entry, layout, place);
      case 'fp8':
        return scaled(request, entry, layout, place);
      case 'parts':
        return partwise(request, entry, layout, place);
    }
  }

  const { n, k } = matrixShape(entry.shape);
  const source = encodingSource(request, entry);
  const panels = panelCount(request, entry, target);
  const parts = place(planTensor(target, n, k, request.profile.dtype));
  return {
    signature: `${entry.name}:${target}${panels === 1 ? '' : `/${panels}`}`,
    encodings: [{ name: entry.name, source, n, k, target, panels, parts }],
    stored: (file) => ({
      name: entry.name,
      shape: entry.shape,
      storage:
        panels === 1 ? storedAs(entry, target, parts, file) : panelStorage(request, entry, target, parts, file, panels),
    }),
  };
}

/** Weights in files, in blocks too, and their sums with LoRAs are read by the encoders' threads; others are computed. */
function encodingSource(request: PlanRequest, entry: TensorEntry): Encoding['source'] {
  const merged = entry.origin?.kind === 'merged' ? entry.origin : null;
  const base = merged?.base ?? entry;
  const place = merged === null || isAddedByEncoders(merged) ? placeInFile(base) : null;
  if (place !== null) {
    const additions = merged === null ? {} : { additions: merged.additions };
    return { dtype: base.dtype, from: { kind: 'file', ...place, ...additions } };
  }
  const read = (start: number, length: number) => request.source.readRange(entry.name, start, length);
  return { dtype: entry.dtype, from: { kind: 'computed', read } };
}

/** Null for a weight that is not contiguous in a file, as it is or in blocks. */
function placeInFile({ file, byteOffset, origin }: TensorEntry): WeightPlace | null {
  if (origin === undefined) return { file, byteOffset };
  if (origin.kind !== 'packed' || origin.layout?.format !== 'blocks') return null;
  const { type, blocks } = origin.layout;
  return { file: blocks.file, byteOffset: blocks.byteOffset, blocks: type };
}

/** Whether a session can use a layout as it is: blocks are copied where they cannot be read in place. */
function isUsable(request: PlanRequest, layout: PackedLayout | null): layout is PackedLayout {
  if (layout === null) return false;
  return layout.format === 'blocks' || layout.format === 'parts' || request.readsInPlace(layout.codes.file);
}

/** Whether a layout has the codes and scales of a format; int8 and fp8 of other tools are scaled otherwise. */
function isMadeAlready(layout: PackedLayout, format: LossyFormat): boolean {
  switch (layout.format) {
    case 'nf4':
      return format === 'nf4';
    case 'blocks':
      return MADE_AS_BLOCKS[layout.type] === format;
    case 'parts':
      return layout.kind === 'nvfp4' && format === 'nvfp4';
    case 'fp8':
      return false;
  }
}

/** Whether all that is added to a matrix lies in files. */
function isAddedByEncoders({ base, additions }: MergedOrigin): boolean {
  return (
    base.shape.length === 2 &&
    additions.every(({ decomposition }) => decomposition?.layer.every(({ stored }) => stored !== null) ?? true)
  );
}

/** `packed`: the checkpoint's own packed bytes. */
function targetOf(request: PlanRequest, entry: TensorEntry): StorageTarget | 'in-place' | 'packed' {
  const { profile, gpu } = request;
  const format = request.mix?.get(entry.name) ?? request.format;
  const layout = layoutOf(entry);
  const packed = isUsable(request, layout) ? layout.format : null;
  const quantizable = request.quantizable(entry);
  // Vectors are read as values.
  if (format === AS_FILE && packed !== null && entry.shape.length === 2) return 'packed';
  if (format !== AS_FILE && isLossy(format) && quantizable) {
    return layout !== null && packed !== null && isMadeAlready(layout, format) ? 'packed' : format;
  }
  // Expanding a checkpoint's few bits to 16 gains nothing where the operator is exact.
  const isExact = packed === 'nf4' ? profile.operators.nf4 === 'bnb4' : packed !== null && !gpu;
  if (!quantizable && isExact && entry.shape.length === 2 && entry.origin !== undefined) return 'packed';

  const type = IN_PLACE[entry.dtype];
  if (!SOURCE_DTYPES.some((dtype) => dtype === entry.dtype)) {
    throw new AppError(
      'weights.unsupported-dtype',
      `${request.label}'s tensor "${entry.name}" has dtype ${entry.dtype}, expected a float type.`,
      { remedy: 'Use a checkpoint in bf16, f16, f32, plain fp8 or bitsandbytes nf4; the app quantizes it itself.' },
    );
  }
  if (quantizable && profile.operators['16-bit'] === 'planes') return 'fixed16';
  const stays = type !== undefined && entry.origin === undefined && request.readsInPlace(entry.file);
  if (gpu) return stays && type === profile.dtype ? 'in-place' : profile.dtype;
  // A matrix stored in f32 would make "16-bit" twice its size.
  if (entry.dtype === 'F32' && (quantizable || entry.origin?.kind === 'packed') && request.exact !== true)
    return 'bf16';
  if (stays) return 'in-place';
  // A copy: sums with LoRAs are bf16, and every fp8 value fits bf16.
  if (entry.dtype === 'F16' && entry.origin?.kind !== 'merged') return 'f16';
  return entry.dtype === 'F32' ? 'f32' : 'bf16';
}

/** Most column stretches: a single block's output has five, each as wide as the stream. */
const MOST_PANELS = 8;

/** Number of column stretches of a wide matrix (an MLP's or a block's output), each as wide as the result. */
function panelCount({ profile, quantizable }: PlanRequest, entry: TensorEntry, target: StorageTarget): number {
  if (!profile.panels || !quantizable(entry) || !isPacked(target)) return 1;
  const { n, k } = matrixShape(entry.shape);
  const count = k / n;
  return count > 1 && count <= MOST_PANELS && Number.isInteger(count) && n % STORAGE_FORMATS[target].columnBlock === 0
    ? count
    : 1;
}

/** The first dimension, and the product of the others. */
function matrixShape(shape: readonly number[]): { n: number; k: number } {
  const n = shape.length < 2 ? 1 : (shape[0] as number);
  return { n, k: elementCount(shape) / n };
}

function inPlace(entry: TensorEntry): TensorPlan {
  const type = IN_PLACE[entry.dtype] as OnnxType;
  const value = partInPlace(entry, type, entry.shape);
  return {
    signature: `${entry.name}:in-place`,
    encodings: [],
    stored: () => ({ name: entry.name, shape: entry.shape, storage: { kind: 'plain', value } }),
  };
}

function partInPlace(entry: FileRange, type: OnnxType, shape: readonly number[]): StoredPart {
  return { type, shape, file: entry.file, offset: entry.byteOffset, length: entry.byteLength };
}

/** A file's own blocks, in place or copied. */
function blocks(request: PlanRequest, entry: TensorEntry, layout: BlocksLayout, place: Place): TensorPlan {
  const { type, blocks: bytes } = layout;
  const [{ shape }] = PACKED_FORMATS[type].layout(...matrixDims(entry), request.profile.dtype) as [PartPlan];
  const signature = `${entry.name}:${type}`;
  const store = (part: StoredPart): StoredTensor => ({
    name: entry.name,
    shape: entry.shape,
    storage: { kind: type, parts: { blocks: part } },
  });
  if (request.readsInPlace(bytes.file)) {
    return { signature, encodings: [], stored: () => store(partInPlace(bytes, 'u8', shape)) };
  }
  const parts = place(planTensor('raw', 1, bytes.byteLength, request.profile.dtype));
  const from = { kind: 'file', file: bytes.file, byteOffset: bytes.byteOffset } as const;
  const source = { dtype: 'U8', from } as const;
  return {
    signature: `${signature}:copy`,
    encodings: [{ name: entry.name, source, n: 1, k: bytes.byteLength, target: 'raw', panels: 1, parts }],
    stored: (file) => store({ ...storedPart(parts, 'value', file), shape }),
  };
}

/** fp8 codes in place; scales of rows, of which the file has one for all, are written beside them. */
function scaled(request: PlanRequest, entry: TensorEntry, { codes, readScales }: Fp8Layout, place: Place): TensorPlan {
  const { dtype } = request.profile;
  const [n, k] = matrixDims(entry);
  const from = {
    kind: 'computed',
    read: async (start: number, length: number) => {
      const scales = await readScales();
      return new Uint8Array(scales.buffer, scales.byteOffset + start, length).slice();
    },
  } as const;
  const parts = place(planTensor(dtype, 1, n, dtype));
  return {
    signature: `${entry.name}:packed`,
    encodings: [{ name: entry.name, source: { dtype: 'F32', from }, n: 1, k: n, target: dtype, panels: 1, parts }],
    stored: (file) => ({
      name: entry.name,
      shape: entry.shape,
      storage: {
        kind: 'fp8',
        parts: {
          codes: partInPlace(codes, 'f8e4m3fn', [n, k]),
          scale: { ...storedPart(parts, 'value', file), shape: [n, 1] },
        },
      },
    }),
  };
}

/** Each part of a packed format in place where that can be, else written down. */
function partwise(
  request: PlanRequest,
  entry: TensorEntry,
  { kind, parts, ranked }: PartsLayout,
  place: Place,
): TensorPlan {
  const { dtype } = request.profile;
  const [n, k] = matrixDims(entry);
  const encodings: Encoding[] = [];
  const plans = [
    ...PACKED_FORMATS[kind].layout(n, k, dtype),
    ...Object.entries(ranked).map(([suffix, shape]) => ({ suffix, onnxType: dtype, shape })),
  ];
  const stored = plans.map(({ suffix, onnxType, shape }) => {
    const bytes = defined(parts[suffix], `the part ${suffix} of ${entry.name}`);
    if (typeof bytes !== 'function' && request.readsInPlace(bytes.file)) {
      return { suffix, part: () => partInPlace(bytes, onnxType, shape) };
    }
    const from: Encoding['source']['from'] =
      typeof bytes === 'function'
        ? { kind: 'computed', read: async (start, length) => (await bytes()).slice(start, start + length) }
        : { kind: 'file', file: bytes.file, byteOffset: bytes.byteOffset };
    const isNumbers = onnxType === 'f32' || onnxType === 'f16';
    const target = isNumbers ? onnxType : 'raw';
    const count = elementCount(shape);
    const placed = place(planTensor(target, 1, count, dtype));
    const source: Encoding['source'] = { dtype: isNumbers ? 'F32' : 'U8', from };
    encodings.push({ name: `${entry.name}/${suffix}`, source, n: 1, k: count, target, panels: 1, parts: placed });
    return { suffix, part: (file: string) => ({ ...storedPart(placed, 'value', file), shape }) };
  });
  return {
    signature: `${entry.name}:${kind}`,
    encodings,
    stored: (file) => ({
      name: entry.name,
      shape: entry.shape,
      storage: { kind, parts: Object.fromEntries(stored.map(({ suffix, part }) => [suffix, part(file)])) },
    }),
  };
}

function matrixDims({ shape }: TensorEntry): [n: number, k: number] {
  const { n, k } = matrixShape(shape);
  return [n, k];
}

/** Codes in place; the absmax too when it is plain and of the session's dtype, else encoded to that dtype. */
function packed(request: PlanRequest, entry: TensorEntry, layout: Nf4Layout, place: Place): TensorPlan {
  const { dtype } = request.profile;
  const codes = partInPlace(layout.codes, 'u8', [layout.codes.byteLength]);
  const [n, k] = entry.shape as [number, number];
  const [, absmaxPart] = planTensor(layout.format, n, k, dtype);
  const blocks = defined(absmaxPart, 'the absmax of nf4').shape;
  const store = (absmax: StoredPart): StoredTensor => ({
    name: entry.name,
    shape: entry.shape,
    storage: { kind: layout.format, parts: { codes, absmax } },
  });
  const plain = layout.absmax;
  if (plain !== null && dtype === 'f32' && plain.byteOffset % DTYPE_BYTES.F32 === 0) {
    const absmax = partInPlace(plain, 'f32', blocks);
    return { signature: `${entry.name}:packed`, encodings: [], stored: () => store(absmax) };
  }
  const from: Encoding['source']['from'] =
    plain !== null
      ? { kind: 'file', file: plain.file, byteOffset: plain.byteOffset }
      : {
          kind: 'computed',
          read: async (start, length) => {
            const absmax = await layout.readAbsmax();
            return new Uint8Array(absmax.buffer, absmax.byteOffset + start, length);
          },
        };
  const count = elementCount(blocks);
  const parts = place(planTensor(dtype, 1, count, dtype));
  return {
    signature: `${entry.name}:packed`,
    encodings: [{ name: entry.name, source: { dtype: 'F32', from }, n: 1, k: count, target: dtype, panels: 1, parts }],
    stored: (file) => store({ ...storedPart(parts, 'value', file), shape: blocks }),
  };
}

function storedPart(parts: Encoding['parts'], suffix: string, file: string): StoredPart {
  const part = defined(
    parts.find((candidate) => candidate.suffix === suffix),
    `the part ${suffix}`,
  );
  return { type: part.onnxType, shape: part.shape, file, offset: part.byteOffset, length: part.byteLength };
}

function storedAs(entry: TensorEntry, target: StorageTarget, parts: Encoding['parts'], file: string): Storage {
  const stored = parts.map(({ suffix }) => [suffix, storedPart(parts, suffix, file)] as const);
  if (isPacked(target)) return { kind: target, parts: Object.fromEntries(stored) };
  // Convolutions and vectors keep their shape.
  return { kind: 'plain', value: { ...storedPart(parts, 'value', file), shape: entry.shape } };
}

/** Parts that depend on columns hold the stretches one after the other; other parts are shared. */
function panelStorage(
  request: PlanRequest,
  entry: TensorEntry,
  target: StorageTarget,
  parts: Encoding['parts'],
  file: string,
  count: number,
): Storage {
  const { n, k } = matrixShape(entry.shape);
  const width = k / count;
  const layout = planTensor(target, n, width, request.profile.dtype);
  const panels = Array.from({ length: count }, (_, index) => {
    const own = parts.map((part) => {
      if (STORAGE_FORMATS[target].sharedParts.includes(part.suffix)) return part;
      const { shape } = defined(
        layout.find(({ suffix }) => suffix === part.suffix),
        `the part ${part.suffix}`,
      );
      const byteLength = part.byteLength / count;
      return { ...part, shape, byteLength, byteOffset: part.byteOffset + index * byteLength };
    });
    return storedAs(entry, target, own, file);
  });
  return { kind: 'panels', width, panels };
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
