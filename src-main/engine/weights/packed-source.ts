/**
 * Presents packed weights as ordinary tensors: each under its own name with its real shape and f32 values, without its
 * companion tensors. The readers of each packing make the entries; `origin` gives access to the packed bytes.
 */
import { DTYPE_BYTES, elementCount, type PackedOrigin, type TensorEntry, type TensorSource } from './tensor-source.js';
import { malformed, quoted } from './weights-error.js';

/** Values decoded at a time when a whole tensor is read. */
const DECODE_VALUES = 2 ** 20;
const F32_BYTES = DTYPE_BYTES.F32;

/** A packed weight of a checkpoint. */
export interface PackedWeight {
  readonly entry: TensorEntry & { readonly origin: PackedOrigin };
  /** Names of tensors that are parts of it and not shown; several weights may share them. */
  readonly companions: readonly string[];
}

/**
 * @param first the tensor that stands for the weight: gives its place in the file's order
 * @param shape of the weight's values
 */
export function packedEntry(
  name: string,
  shape: readonly number[],
  first: TensorEntry,
  origin: PackedOrigin,
): PackedWeight['entry'] {
  const { file, byteOffset } = first;
  return { name, dtype: 'F32', shape, file, byteOffset, byteLength: elementCount(shape) * F32_BYTES, origin };
}

/**
 * A view that owns the source; the source itself when there is nothing to present.
 *
 * @param weights each shown in place of the tensor with the name of its entry, or of its first companion if there is none
 * @param hidden names of other tensors that are not shown, such as markers
 * @param renamed names to show of ordinary tensors, by their names in the source
 * @throws AppError weights.malformed for two tensors with the same name
 */
export function withPackedWeights(
  source: TensorSource,
  weights: readonly PackedWeight[],
  hidden: readonly string[] = [],
  renamed: ReadonlyMap<string, string> = new Map(),
): TensorSource {
  return weights.length === 0 && hidden.length === 0 && renamed.size === 0
    ? source
    : new PackedTensorSource(source, weights, hidden, renamed);
}

class PackedTensorSource implements TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: TensorSource;
  readonly #weights: ReadonlyMap<string, PackedWeight>;
  readonly #onDisk: ReadonlyMap<string, string>;

  constructor(
    source: TensorSource,
    weights: readonly PackedWeight[],
    hidden: readonly string[],
    renamed: ReadonlyMap<string, string>,
  ) {
    this.#source = source;
    this.#weights = new Map(weights.map((weight) => [weight.entry.name, weight]));
    this.#onDisk = new Map([...renamed].map(([onDisk, shown]) => [shown, onDisk]));
    this.metadata = source.metadata;
    const parts = new Set([...weights.flatMap(({ companions }) => companions), ...hidden]);
    const standing = new Map<string, TensorEntry[]>();
    for (const { entry, companions } of weights) {
      const place = source.entries.has(entry.name) ? entry.name : (companions[0] ?? entry.name);
      const there = standing.get(place);
      if (there === undefined) standing.set(place, [entry]);
      else there.push(entry);
    }
    const entries = new Map<string, TensorEntry>();
    const show = (entry: TensorEntry): void => {
      if (entries.has(entry.name)) throw malformed(entry.file, `has ${quoted(entry.name)} in two forms.`);
      entries.set(entry.name, entry);
    };
    for (const entry of source.entries.values()) {
      const shown = standing.get(entry.name);
      if (shown !== undefined) shown.forEach(show);
      else if (!parts.has(entry.name)) {
        const name = renamed.get(entry.name);
        show(name === undefined ? entry : { ...entry, name });
      }
    }
    this.entries = entries;
  }

  async readBytes(name: string): Promise<Uint8Array> {
    if (!this.#weights.has(name)) return this.#source.readBytes(this.#onDisk.get(name) ?? name);
    const values = await this.readF32(name);
    return new Uint8Array(values.buffer);
  }

  async readF32(name: string): Promise<Float32Array> {
    const weight = this.#weights.get(name);
    if (weight === undefined) return this.#source.readF32(this.#onDisk.get(name) ?? name);
    const out = new Float32Array(elementCount(weight.entry.shape));
    for (let begin = 0; begin < out.length; begin += DECODE_VALUES) {
      out.set(await weight.entry.origin.decode(begin, Math.min(begin + DECODE_VALUES, out.length)), begin);
    }
    return out;
  }

  async readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array> {
    const weight = this.#weights.get(name);
    if (weight === undefined) return this.#source.readRange(this.#onDisk.get(name) ?? name, byteStart, byteLength);
    return decodedRange(weight.entry, byteStart, byteLength);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/** A range of the bytes of a packed weight's f32 values. @throws AppError weights.malformed outside the weight */
export async function decodedRange(
  { name, file, byteLength: whole, origin }: PackedWeight['entry'],
  byteStart: number,
  byteLength: number,
): Promise<Uint8Array> {
  const byteEnd = byteStart + byteLength;
  if (byteStart < 0 || byteLength < 0 || byteEnd > whole) {
    throw malformed(file, `has no bytes ${byteStart} to ${byteEnd} in ${quoted(name)}.`);
  }
  const begin = Math.floor(byteStart / F32_BYTES);
  const values = await origin.decode(begin, Math.ceil(byteEnd / F32_BYTES));
  return new Uint8Array(values.buffer, values.byteOffset + byteStart - begin * F32_BYTES, byteLength);
}
