/**
 * Values of the keys of a GGUF file. Arrays and long strings are only measured with the header, and read from the file
 * when they are asked for.
 *
 * @source https://github.com/ggml-org/ggml docs/gguf.md
 */
import { type GgufCursor, type NumberType } from './gguf-cursor.js';
import type { RandomAccess } from './random-access-file.js';
import { DTYPE_BYTES } from './tensor-source.js';
import { malformed } from './weights-error.js';

const MAX_STRING_BYTES = 16 * 2 ** 20;
/** Longer strings, such as chat templates, stay in the file. */
const MAX_SHOWN_STRING_BYTES = 4096;
/** Of shapes before they were changed. */
const MAX_SHAPE_RANK = 16;

/** Largest array that is read: four times the tokens of umT5. */
const MAX_READ_ELEMENTS = 2 ** 20;
const LENGTH_BYTES = 8;

/** Types of values by their number in the file, with the bytes of those of fixed size. */
const VALUE_TYPES = [
  { name: 'u8', bytes: 1 },
  { name: 'i8', bytes: 1 },
  { name: 'u16', bytes: 2 },
  { name: 'i16', bytes: 2 },
  { name: 'u32', bytes: 4 },
  { name: 'i32', bytes: 4 },
  { name: 'f32', bytes: 4 },
  { name: 'bool', bytes: 1 },
  { name: 'string', bytes: null },
  { name: 'array', bytes: null },
  { name: 'u64', bytes: 8 },
  { name: 'i64', bytes: 8 },
  { name: 'f64', bytes: 8 },
] as const;
type ValueType = (typeof VALUE_TYPES)[number]['name'];

/** An array or a long string, left in the file. */
export interface GgufRange {
  /** Of the elements; `string` also for a long string, which is an array of one. */
  readonly type: Exclude<ValueType, 'array'>;
  readonly count: number;
  /** From the start of the file; strings have their lengths (u64) before them. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** 64-bit integers beyond 2^53 are bigint; only shapes are arrays of numbers. */
export type GgufValue = number | bigint | boolean | string | readonly number[] | GgufRange;

/** The type and value at the cursor. @param field completes messages @throws AppError weights.malformed; MoreBytes */
export function readValue(cursor: GgufCursor, field: string): GgufValue {
  const type = readType(cursor, field);
  if (type === 'array') return readArray(cursor, field);
  if (type === 'string') {
    const { at } = cursor;
    const length = cursor.count(`the length of ${field}`, MAX_STRING_BYTES);
    if (length <= MAX_SHOWN_STRING_BYTES) return cursor.text(field, length);
    cursor.skip(field, length);
    return { type, count: 1, byteOffset: at, byteLength: cursor.at - at };
  }
  return readScalar(cursor, type, field);
}

function readType(cursor: GgufCursor, field: string): ValueType {
  const id = cursor.number(`the type of ${field}`, 'u32');
  const type = VALUE_TYPES[id];
  if (type === undefined) {
    throw malformed(cursor.file, `has the type ${id} for ${field}, expected 0 to ${VALUE_TYPES.length - 1}.`);
  }
  return type.name;
}

function readScalar(cursor: GgufCursor, type: NumberType | 'bool' | 'u64' | 'i64', field: string): GgufValue {
  switch (type) {
    case 'bool': {
      const byte = cursor.number(field, 'u8');
      if (byte > 1) throw malformed(cursor.file, `has ${byte} for ${field}, expected 0 or 1 for a bool.`);
      return byte === 1;
    }
    case 'u64':
    case 'i64': {
      const value = cursor.bigint(field, type);
      return BigInt.asIntN(54, value) === value ? Number(value) : value;
    }
    default:
      return cursor.number(field, type);
  }
}

function readArray(cursor: GgufCursor, field: string): GgufRange {
  const type = readType(cursor, `the elements of ${field}`);
  if (type === 'array') throw malformed(cursor.file, `has an array of arrays for ${field}.`);
  const bytes = VALUE_TYPES.find(({ name }) => name === type)?.bytes ?? null;
  const count = cursor.elements(`the number of elements of ${field}`, bytes ?? DTYPE_BYTES.I64);
  const { at } = cursor;
  if (bytes === null) cursor.skipStrings(field, count, MAX_STRING_BYTES);
  else cursor.skip(field, count * bytes);
  return { type, count, byteOffset: at, byteLength: cursor.at - at };
}

/** An array of i32: dimensions in torch's order. @throws AppError weights.malformed; MoreBytes */
export function readShape(cursor: GgufCursor, field: string): readonly number[] {
  const outer = readType(cursor, field);
  const type = outer === 'array' ? readType(cursor, `the elements of ${field}`) : outer;
  if (outer !== 'array' || type !== 'i32') {
    throw malformed(cursor.file, `has ${outer} of ${type} for ${field}, expected an array of i32.`);
  }
  const rank = cursor.count(`the number of elements of ${field}`, MAX_SHAPE_RANK);
  return Array.from({ length: rank }, () => cursor.number(field, 'i32'));
}

/** The strings of an array. @param field completes messages @throws AppError weights.malformed, weights.unreadable */
export async function readGgufStrings(access: RandomAccess, range: GgufRange, field: string): Promise<string[]> {
  if (range.type !== 'string') throw malformed(access.file, `has ${range.type} for ${field}, expected strings.`);
  const bytes = await readRange(access, range, field);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let at = 0;
  return Array.from({ length: range.count }, (_, index) => {
    // Lengths were checked with the header.
    const begin = at + LENGTH_BYTES;
    at = begin + view.getUint32(at, true);
    try {
      return decoder.decode(bytes.subarray(begin, at));
    } catch (cause) {
      throw malformed(access.file, `has bytes that are not UTF-8 in element ${index} of ${field}.`, cause);
    }
  });
}

/** The numbers of an array of f32 or i32. @param field completes messages @throws AppError weights.malformed, weights.unreadable */
export async function readGgufNumbers(
  access: RandomAccess,
  range: GgufRange,
  type: 'f32' | 'i32',
  field: string,
): Promise<Float32Array | Int32Array> {
  if (range.type !== type) throw malformed(access.file, `has ${range.type} for ${field}, expected ${type}.`);
  const bytes = await readRange(access, range, field);
  return type === 'f32' ? new Float32Array(bytes.buffer) : new Int32Array(bytes.buffer);
}

async function readRange(access: RandomAccess, range: GgufRange, field: string): Promise<Uint8Array> {
  if (range.count > MAX_READ_ELEMENTS) {
    throw malformed(access.file, `has ${range.count} elements for ${field}; at most ${MAX_READ_ELEMENTS} are read.`);
  }
  return access.read(range.byteOffset, range.byteLength);
}
