/**
 * The header of a GGUF file, versions 2 and 3: keys with values, then a table of tensors. Pure. The contents are hostile
 * input: every size is checked against the file before it is used, and arrays are only measured, not decoded.
 *
 * @source https://github.com/ggml-org/ggml docs/gguf.md; src/gguf.cpp for the rules beyond it
 */
import { AppError } from '../../base/app-error.js';
import { ggmlType, type GgmlType } from '../quant/blocks/ggml-types.js';
import { GgufCursor, MoreBytes } from './gguf-cursor.js';
import { readShape, readValue, type GgufValue } from './gguf-values.js';
import { DTYPE_BYTES, elementCount } from './tensor-source.js';
import { malformed, quoted } from './weights-error.js';

export const GGUF_MAGIC = 'GGUF';

/** FLUX's files have 3 keys, T5's 32 and language models some 40. */
const MAX_KEYS = 4096;
/** Twenty times FLUX's 780. */
const MAX_TENSORS = 16_384;
/** The specification's limit of a key. */
const MAX_KEY_BYTES = 65_535;
/** ggml allows 64, ComfyUI's patch of it 128. */
const MAX_NAME_BYTES = 255;
/** ggml's GGML_MAX_DIMS. */
const MAX_RANK = 4;
const MAX_DIM = 2 ** 31;
const MAX_ELEMENTS = 2 ** 40;
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 2 ** 20;
/** ComfyUI-GGUF's key for the shape of a tensor that was stored in another, followed by the tensor's name. */
const SHAPE_KEY = 'comfy.gguf.orig_shape.';

export interface GgufTensor {
  readonly name: string;
  readonly type: Exclude<GgmlType, { readonly kind: 'refused' }>;
  /** In torch's order; blocks lie along the last dimension, unless the shape is from `comfy.gguf.orig_shape`. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface GgufHeader {
  readonly values: ReadonlyMap<string, GgufValue>;
  /** In the order of their data. */
  readonly tensors: readonly GgufTensor[];
}

/**
 * @param bytes the first bytes of the file
 * @param file path for messages
 * @param fileSize bytes of the whole file
 * @param mayLackData whether tensors may end behind the file's end
 * @returns the header, or the number of bytes, more than given, that are needed to go on
 * @throws AppError weights.malformed, weights.unsupported-dtype
 */
export function parseGgufHeader(
  bytes: Uint8Array,
  file: string,
  fileSize: number,
  mayLackData = false,
): GgufHeader | number {
  try {
    return parse(new GgufCursor(bytes, file, fileSize), mayLackData);
  } catch (error) {
    if (error instanceof MoreBytes) return error.needed;
    throw error;
  }
}

function parse(cursor: GgufCursor, mayLackData: boolean): GgufHeader {
  checkVersion(cursor);
  const tensorCount = cursor.count('the number of tensors', MAX_TENSORS);
  const keyCount = cursor.count('the number of keys', MAX_KEYS);
  const values = new Map<string, GgufValue>();
  for (let index = 0; index < keyCount; index++) {
    const key = cursor.name(`the name of key ${index}`, MAX_KEY_BYTES);
    if (key === '') throw malformed(cursor.file, `has an empty name for key ${index}.`);
    if (values.has(key)) throw malformed(cursor.file, `has the key ${quoted(key)} twice.`);
    const field = `the value of ${quoted(key)}`;
    values.set(key, key.startsWith(SHAPE_KEY) ? readShape(cursor, field) : readValue(cursor, field));
  }
  checkSplit(values, cursor.file);
  const alignment = alignmentOf(values, cursor.file);

  const rows = Array.from({ length: tensorCount }, (_, index) => readTensor(cursor, index, alignment, values));
  const dataStart = Math.ceil(cursor.at / alignment) * alignment;
  const tensors = rows.map(({ offset, ...tensor }) => ({ ...tensor, byteOffset: dataStart + offset }));
  checkNames(tensors, cursor.file);
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  checkPlaces(tensors, cursor.file, mayLackData ? Infinity : cursor.fileSize);
  return { values, tensors };
}

function checkVersion(cursor: GgufCursor): void {
  cursor.expect(GGUF_MAGIC, 'the magic number');
  const version = cursor.number('the version', 'u32');
  if (version !== 0 && (version & 0xffff) === 0) {
    throw refused(cursor.file, 'is a big-endian GGUF file.', 'Get the little-endian file, as almost all are.');
  }
  if (version === 1) {
    throw refused(cursor.file, 'is a GGUF file of version 1, from 2023.', 'Get a file of version 2 or 3.');
  }
  if (version !== 2 && version !== 3) {
    throw refused(
      cursor.file,
      `is a GGUF file of version ${version}; versions 2 and 3 are read.`,
      'Get a file of version 3, or a newer version of this app.',
    );
  }
}

function checkSplit(values: ReadonlyMap<string, GgufValue>, file: string): void {
  const parts = values.get('split.count') ?? 0;
  if (typeof parts !== 'number') throw malformed(file, 'has no number for "split.count".');
  if (parts > 1) {
    throw refused(
      file,
      `is one of ${parts} parts of a split GGUF file.`,
      'Merge the parts with "llama-gguf-split --merge", or get the file in one piece.',
    );
  }
}

function alignmentOf(values: ReadonlyMap<string, GgufValue>, file: string): number {
  const alignment = values.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  const isPower = typeof alignment === 'number' && alignment >= 1 && Number.isInteger(Math.log2(alignment));
  if (isPower && alignment <= MAX_ALIGNMENT) return alignment;
  const found = typeof alignment === 'object' ? 'an array' : String(alignment).slice(0, 40);
  throw malformed(file, `has ${found} for "general.alignment", expected a power of two up to ${MAX_ALIGNMENT}.`);
}

/** A row of the tensor table; `offset` counts from the start of the data. */
type TensorRow = Omit<GgufTensor, 'byteOffset'> & { readonly offset: number };

function readTensor(
  cursor: GgufCursor,
  index: number,
  alignment: number,
  values: ReadonlyMap<string, GgufValue>,
): TensorRow {
  const { file } = cursor;
  const name = cursor.name(`the name of tensor ${index}`, MAX_NAME_BYTES);
  const label = `the tensor ${quoted(name)}`;
  const rank = cursor.number(`the rank of ${label}`, 'u32');
  if (rank > MAX_RANK) throw malformed(file, `has rank ${rank} for ${label}, expected at most ${MAX_RANK}.`);
  const stored = Array.from({ length: rank }, () => cursor.count(`a dimension of ${label}`, MAX_DIM)).reverse();
  const elements = elementCount(stored);
  if (elements > MAX_ELEMENTS) {
    throw malformed(file, `has ${elements} elements in ${label}, expected at most ${MAX_ELEMENTS}.`);
  }
  const type = typeOf(cursor, name, label);
  const offset = cursor.count(`the offset of ${label}`, Number.MAX_SAFE_INTEGER - MAX_ELEMENTS * 16);
  if (offset % alignment !== 0) {
    throw malformed(file, `has ${label} at offset ${offset}, expected a multiple of ${alignment}.`);
  }
  const byteLength = byteLengthOf(type, stored, label, file);
  return { name, type, shape: presented(values.get(SHAPE_KEY + name), stored, label, file), byteLength, offset };
}

function typeOf(cursor: GgufCursor, name: string, label: string): GgufTensor['type'] {
  const type = ggmlType(cursor.number(`the type of ${label}`, 'u32'));
  if (type.kind !== 'refused') return type;
  throw new AppError(
    'weights.unsupported-dtype',
    `The tensor ${quoted(name)} in ${cursor.file} is of type ${type.name}, which ${type.reason}.`,
    {
      remedy: 'Get a file in Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K or another type without a codebook.',
      details: { file: cursor.file, tensor: name, dtype: type.name },
    },
  );
}

/** Blocks lie along the last dimension and never cross its end. */
function byteLengthOf(type: GgufTensor['type'], shape: readonly number[], label: string, file: string): number {
  const elements = elementCount(shape);
  if (type.kind === 'plain') return elements * DTYPE_BYTES[type.name];
  const columns = shape.at(-1) ?? 1;
  if (columns % type.type.elements !== 0) {
    throw malformed(
      file,
      `has rows of ${columns} in ${label}, expected a multiple of ${type.type.elements} for ${type.name}.`,
    );
  }
  return (elements / type.type.elements) * type.type.bytes;
}

/** The original shape where a key has it. */
function presented(
  original: GgufValue | undefined,
  stored: readonly number[],
  label: string,
  file: string,
): readonly number[] {
  if (!Array.isArray(original)) return stored;
  if (original.some((dim) => dim < 0) || elementCount(original) !== elementCount(stored)) {
    throw malformed(file, `has [${stored.join(', ')}] in ${label}, but "${SHAPE_KEY}…" says [${original.join(', ')}].`);
  }
  return original;
}

function checkNames(tensors: readonly GgufTensor[], file: string): void {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw malformed(file, `has the tensor ${quoted(name)} twice.`);
    names.add(name);
  }
}

/** Tensors lie apart and inside the file. Holes are legal, and the last one's padding may be missing. */
function checkPlaces(sorted: readonly GgufTensor[], file: string, fileSize: number): void {
  let end = 0;
  for (const { name, byteOffset, byteLength } of sorted) {
    if (byteOffset < end) {
      throw malformed(file, `has overlapping tensors: ${quoted(name)} starts at byte ${byteOffset} before ${end}.`);
    }
    end = byteOffset + byteLength;
  }
  if (end > fileSize) {
    const last = quoted(sorted.at(-1)?.name ?? '');
    throw malformed(
      file,
      `is ${end - fileSize} bytes short: ${fileSize} bytes, but the tensor ${last} ends at ${end}.`,
    );
  }
}

/** For files that are sound, but of a kind that is not read. */
function refused(file: string, problem: string, remedy: string): AppError {
  return new AppError('weights.malformed', `The weights file ${file} ${problem}`, { remedy, details: { file } });
}
