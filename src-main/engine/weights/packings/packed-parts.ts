/** What the readers of packed weights share: finding and checking the tensors of a weight, reading pieces of them. */
import type { AppError } from '../../../base/app-error.js';
import { decodeToF32 } from '../decode.js';
import { packedEntry, type PackedWeight } from '../packed-source.js';
import {
  DTYPE_BYTES,
  elementCount,
  type PackedLayout,
  type TensorDtype,
  type TensorEntry,
  type TensorSource,
} from '../tensor-source.js';
import { malformed, quoted } from '../weights-error.js';

/** What a packing makes of a checkpoint's tensors. */
export interface PackedContents {
  readonly weights: readonly PackedWeight[];
  /** Names of other tensors that are not shown, such as markers. */
  readonly hidden?: readonly string[];
  /** Names to show of ordinary tensors, by their names in the file. */
  readonly renamed?: ReadonlyMap<string, string>;
}

/** A way of storing weights in packed form, recognised by its tensors. Files may mix them. */
export interface Packing {
  /** To name it in messages. */
  readonly name: string;
  /**
   * Its weights in a checkpoint, none where it is absent. Checks all dtypes and shapes; reads only what says how to read
   * the rest.
   * @param claimed by packings before it
   * @throws AppError weights.malformed, weights.unsupported-dtype, weights.unreadable
   */
  find(source: TensorSource, claimed: Claimed): Promise<PackedContents> | PackedContents;
}

/** Tensors that are parts of weights already. */
export interface Claimed {
  has(name: string): boolean;
}

/** The tensors of a checkpoint, by the weight that they belong to. */
export class PackedParts {
  readonly #source: TensorSource;
  readonly #packing: string;
  readonly #weight: string;
  readonly #near: TensorEntry;

  /**
   * @param packing named in messages
   * @param weight name of the weight, for messages
   * @param near any tensor of it: its file is named in messages
   */
  constructor(source: TensorSource, packing: string, weight: string, near: TensorEntry) {
    this.#source = source;
    this.#packing = packing;
    this.#weight = weight;
    this.#near = near;
  }

  /** @throws AppError weights.malformed when it is missing */
  required(name: string): TensorEntry {
    const entry = this.#source.entries.get(name);
    if (entry !== undefined) return entry;
    throw malformed(
      this.#near.file,
      `lacks ${quoted(name)}, which the ${this.#packing} weight ${quoted(this.#weight)} needs.`,
    );
  }

  optional(name: string): TensorEntry | undefined {
    return this.#source.entries.get(name);
  }

  /** @throws AppError weights.malformed for another dtype */
  ofType(entry: TensorEntry, ...dtypes: readonly TensorDtype[]): TensorEntry {
    if (dtypes.includes(entry.dtype)) return entry;
    throw malformed(entry.file, `stores ${quoted(entry.name)} as ${entry.dtype}, expected ${dtypes.join(' or ')}.`);
  }

  /** @throws AppError weights.malformed for another shape than each of these */
  ofShape(entry: TensorEntry, ...shapes: readonly (readonly number[])[]): TensorEntry {
    if (shapes.some((shape) => isShape(entry.shape, shape))) return entry;
    throw malformed(
      entry.file,
      `stores ${quoted(entry.name)} with the shape ${shapeText(entry.shape)}, expected ${shapes.map(shapeText).join(' or ')}.`,
    );
  }

  /** @throws AppError weights.malformed for another number of values, in whatever shape */
  ofCount(entry: TensorEntry, count: number): TensorEntry {
    const found = elementCount(entry.shape);
    if (found === count) return entry;
    throw malformed(entry.file, `has ${found} values in ${quoted(entry.name)}, expected ${count}.`);
  }

  /** [N, K], neither 0. @throws AppError weights.malformed */
  matrix(entry: TensorEntry): [number, number] {
    const [n, k] = entry.shape;
    if (entry.shape.length === 2 && n !== undefined && k !== undefined && n > 0 && k > 0) return [n, k];
    throw malformed(
      entry.file,
      `stores ${quoted(entry.name)} with the shape ${shapeText(entry.shape)}, expected two dimensions.`,
    );
  }

  /** For anything else about the weight. @param problem completes the sentence "the weight …" */
  broken(problem: string): AppError {
    return malformed(
      this.#near.file,
      `cannot be read: the ${this.#packing} weight ${quoted(this.#weight)} ${problem}.`,
    );
  }
}

/** Types of scales and other factors. */
export const FACTORS = ['F32', 'BF16', 'F16'] as const satisfies readonly TensorDtype[];

function isShape(found: readonly number[], expected: readonly number[]): boolean {
  return found.length === expected.length && found.every((dim, i) => dim === expected[i]);
}

export function shapeText(shape: readonly number[]): string {
  const dims = shape.length > 6 ? [...shape.slice(0, 6), '…'] : shape;
  return `[${dims.join(', ')}]`;
}

/** Elements [begin, end) of a flattened tensor, as they are stored. @throws AppError weights.unreadable */
export function readStored(source: TensorSource, entry: TensorEntry, begin: number, end: number): Promise<Uint8Array> {
  const size = DTYPE_BYTES[entry.dtype];
  return source.readRange(entry.name, begin * size, (end - begin) * size);
}

/** Elements [begin, end) of a flattened tensor as f32; all of it by default. @throws AppError weights.unreadable */
export async function readValues(
  source: TensorSource,
  entry: TensorEntry,
  begin = 0,
  end = elementCount(entry.shape),
): Promise<Float32Array> {
  return decodeToF32(entry.dtype, await readStored(source, entry, begin, end));
}

/** Bytes up to which a matrix is read whole to get some of its columns. */
const WHOLE_MATRIX_BYTES = 4 * 2 ** 20;

/** Columns [begin, end) of a matrix [R, C] as f32, [R, end - begin]. @throws AppError weights.unreadable */
export async function readColumns(
  source: TensorSource,
  entry: TensorEntry,
  begin: number,
  end: number,
): Promise<Float32Array> {
  const [rows, columns] = entry.shape as [number, number];
  const width = end - begin;
  const out = new Float32Array(rows * width);
  const whole = entry.byteLength <= WHOLE_MATRIX_BYTES ? await readValues(source, entry) : null;
  for (let row = 0; row < rows; row++) {
    const at = row * columns + begin;
    const part = whole?.subarray(at, at + width) ?? (await readValues(source, entry, at, at + width));
    out.set(part, row * width);
  }
  return out;
}

export interface RowDecodedWeight {
  readonly name: string;
  /** Name of the stored form to show. */
  readonly type: string;
  /** All dimensions, the first being the rows. */
  readonly shape: readonly number[];
  /** The tensors that its values come from, the first of which stands for it. */
  readonly parts: readonly TensorEntry[];
  /** Other tensors of it, which are not read. */
  readonly ignored?: readonly TensorEntry[];
  /** Rows [begin, end), flattened. */
  readonly decodeRows: (begin: number, end: number) => Promise<Float32Array>;
  readonly layout?: PackedLayout;
  /** Default: `parts` are tensors of the source. */
  readonly readPart?: (part: TensorEntry, byteStart: number, byteLength: number) => Promise<Uint8Array>;
}

/** A packed weight whose values are decoded in whole rows. */
export function rowDecoded(source: TensorSource, weight: RowDecodedWeight): PackedWeight {
  const { name, type, shape, parts, ignored = [], decodeRows } = weight;
  const [first, ...others] = parts as [TensorEntry, ...TensorEntry[]];
  const k = elementCount(shape.slice(1));
  const companions = [...new Set([first, ...others, ...ignored].map((part) => part.name))];
  return {
    companions: companions.filter((companion) => companion !== name),
    entry: packedEntry(name, shape, first, {
      kind: 'packed',
      type,
      parts,
      layout: weight.layout ?? null,
      decode: async (begin, end) => {
        const firstRow = Math.floor(begin / k);
        const rows = await decodeRows(firstRow, Math.ceil(end / k));
        return rows.subarray(begin - firstRow * k, end - firstRow * k);
      },
      readPart:
        weight.readPart ?? ((part, byteStart, byteLength) => source.readRange(part.name, byteStart, byteLength)),
    }),
  };
}
