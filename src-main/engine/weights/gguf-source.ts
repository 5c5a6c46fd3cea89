/**
 * Opens GGUF files: plain tensors as they are, those in blocks as packed weights that are decoded when they are read.
 * Values of keys that are arrays stay in the file until they are asked for.
 */
import { BLOCK_TYPES, decodeBlocks, type BlockType, type BlockTypeName } from '../quant/blocks/ggml-types.js';
import { parseGgufHeader, type GgufHeader, type GgufTensor } from './gguf-header.js';
import type { GgufValue } from './gguf-values.js';
import { packedEntry, type PackedWeight } from './packed-source.js';
import type { RandomAccess } from './random-access-file.js';
import type { BlocksLayout, FileRange, TensorEntry } from './tensor-source.js';

/** FLUX's header has 54 kB, T5's with its tokenizer 1 MB. */
const FIRST_READ_BYTES = 256 * 2 ** 10;
/** Growth of further reads. */
const GROWTH = 4;

export interface GgufContents {
  /** Those of weights in blocks are bytes, U8. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly packed: readonly PackedWeight[];
  /** Values of keys that are no arrays, as text. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** @throws AppError weights.malformed, weights.unsupported-dtype, weights.unreadable */
export async function readGguf(access: RandomAccess): Promise<GgufContents> {
  const { tensors, values } = await readGgufHeader(access);
  const entries = tensors.map((tensor) => storedEntry(tensor, access.file));
  const packed = tensors.flatMap(({ name, type, shape }, index) => {
    const stored = entries[index];
    return type.kind === 'plain' || stored === undefined ? [] : [packedWeight(name, type.name, shape, stored, access)];
  });
  return { entries: new Map(entries.map((entry) => [entry.name, entry])), packed, metadata: textOf(values) };
}

/** Reads the first part of a file until the header is whole. @throws AppError as `readGguf` */
export async function readGgufHeader(access: RandomAccess, mayLackData = false): Promise<GgufHeader> {
  const { file, sizeBytes } = access;
  let length = Math.min(FIRST_READ_BYTES, sizeBytes);
  for (;;) {
    const header = parseGgufHeader(await access.read(0, length), file, sizeBytes, mayLackData);
    if (typeof header !== 'number') return header;
    length = Math.min(Math.max(header, length * GROWTH), sizeBytes);
  }
}

function storedEntry({ name, type, shape, byteOffset, byteLength }: GgufTensor, file: string): TensorEntry {
  const place = { name, file, byteOffset, byteLength };
  return type.kind === 'plain' ? { ...place, dtype: type.name, shape } : { ...place, dtype: 'U8', shape: [byteLength] };
}

function packedWeight(
  name: string,
  type: BlockTypeName,
  shape: readonly number[],
  stored: TensorEntry,
  access: RandomAccess,
): PackedWeight {
  const entry = packedEntry(name, shape, stored, {
    kind: 'packed',
    type,
    parts: [stored],
    layout: blocksLayout(type, stored),
    decode: (begin, end) => decodeRange(type, stored, access, begin, end),
    readPart: (part, byteStart, byteLength) => access.read(part.byteOffset + byteStart, byteLength),
  });
  return { entry, companions: [] };
}

function blocksLayout(type: BlockTypeName, blocks: FileRange): BlocksLayout {
  const { elements, bytes }: BlockType = BLOCK_TYPES[type];
  const bytesOf = (weights: number) => (weights / elements) * bytes;
  return {
    format: 'blocks',
    type,
    blocks,
    rows: (first, count, k) =>
      blocksLayout(type, {
        ...blocks,
        byteOffset: blocks.byteOffset + bytesOf(first * k),
        byteLength: bytesOf(count * k),
      }),
  };
}

/** Weights [begin, end), of which whole blocks are read. */
async function decodeRange(
  name: BlockTypeName,
  stored: TensorEntry,
  access: RandomAccess,
  begin: number,
  end: number,
): Promise<Float32Array> {
  const { elements, bytes }: BlockType = BLOCK_TYPES[name];
  const first = Math.floor(begin / elements);
  const count = Math.ceil(end / elements) - first;
  const values = new Float32Array(count * elements);
  decodeBlocks(name, await access.read(stored.byteOffset + first * bytes, count * bytes), values);
  return values.subarray(begin - first * elements, end - first * elements);
}

function textOf(values: ReadonlyMap<string, GgufValue>): Record<string, string> {
  const shown = [...values].flatMap(([key, value]) =>
    typeof value === 'object' ? [] : [[key, String(value)] as const],
  );
  return Object.fromEntries(shown);
}
