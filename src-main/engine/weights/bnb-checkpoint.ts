/**
 * Presents checkpoints with linears in bitsandbytes' NF4 as ordinary ones: each weight under its own name with its real
 * shape [N, K] and f32 values, without its companion tensors. `origin` gives access to the packed bytes.
 *
 * @source bitsandbytes-foundation/bitsandbytes: functional.py, QuantState.as_dict
 */
import { parseBnbState, readBnbAbsmax, type BnbState } from '../quant/formats/bnb-nf4.js';
import { decodeNf4Range, NF4_BLOCK } from '../quant/formats/nf4.js';
import { DTYPE_BYTES, elementCount, type BnbNf4Origin, type TensorEntry, type TensorSource } from './tensor-source.js';
import { malformed, quoted } from './weights-error.js';

const STATE_SUFFIX = '.quant_state.bitsandbytes__nf4';
/** Companions of a weight `W`, named `W` + suffix. */
const SUFFIX = {
  absmax: '.absmax',
  quantMap: '.quant_map',
  nestedAbsmax: '.nested_absmax',
  nestedQuantMap: '.nested_quant_map',
} as const;
/** Size limit of a quant_state or codebook, bytes; real ones have some 200 and 1024. */
const MAX_COMPANION_BYTES = 4096;
/** Values decoded at a time when a whole tensor is read. */
const DECODE_VALUES = 2 ** 20;
const F32_BYTES = DTYPE_BYTES.F32;

/**
 * The source itself without NF4 weights, else a view that owns it.
 * @throws AppError weights.malformed, weights.unsupported-dtype, weights.unreadable; the source then stays open
 */
export async function withBnbWeights(source: TensorSource): Promise<TensorSource> {
  const weights = new Map<string, BnbWeight>();
  for (const name of source.entries.keys()) {
    if (!name.endsWith(STATE_SUFFIX)) continue;
    const weight = await BnbWeight.open(source, name.slice(0, -STATE_SUFFIX.length));
    weights.set(weight.entry.name, weight);
  }
  return weights.size === 0 ? source : new BnbTensorSource(source, weights);
}

/** One weight and its parts, whose headers are checked against each other. */
class BnbWeight {
  readonly entry: TensorEntry;
  /** Names of the hidden tensors. */
  readonly companions: readonly string[];
  readonly #source: TensorSource;
  readonly #state: BnbState;
  readonly #absmax: TensorEntry;

  private constructor(source: TensorSource, name: string, state: BnbState, parts: readonly TensorEntry[]) {
    const [qweight, absmax] = parts as [TensorEntry, TensorEntry];
    const [n, k] = state.shape;
    const count = n * k;
    if (qweight.dtype !== 'U8' || qweight.byteLength !== Math.ceil(count / 2)) {
      throw malformed(
        qweight.file,
        `stores ${quoted(name)} in ${qweight.byteLength} bytes of ${qweight.dtype}, expected ${Math.ceil(count / 2)} of U8 for [${n}, ${k}].`,
      );
    }
    if (absmax.dtype !== 'F32' && absmax.dtype !== 'U8') {
      throw malformed(absmax.file, `stores ${quoted(absmax.name)} as ${absmax.dtype}, expected F32 or U8.`);
    }
    if (elementCount(absmax.shape) !== Math.ceil(count / NF4_BLOCK)) {
      throw malformed(
        absmax.file,
        `has ${elementCount(absmax.shape)} values in ${quoted(absmax.name)}, expected ${Math.ceil(count / NF4_BLOCK)}.`,
      );
    }
    this.#source = source;
    this.#state = state;
    this.#absmax = absmax;
    this.companions = parts.slice(1).map((part) => part.name);
    const origin: BnbNf4Origin = {
      kind: 'bnb-nf4',
      format: 'nf4',
      qweight,
      absmax: absmax.dtype === 'F32' ? absmax : null,
      parts,
      readAbsmax: () => this.readAbsmax(),
      readPart: (part, byteStart, byteLength) => source.readRange(part.name, byteStart, byteLength),
    };
    this.entry = {
      name,
      dtype: 'F32',
      shape: [n, k],
      file: qweight.file,
      byteOffset: qweight.byteOffset,
      byteLength: count * F32_BYTES,
      origin,
    };
  }

  static async open(source: TensorSource, name: string): Promise<BnbWeight> {
    const state = required(source, name, name + STATE_SUFFIX);
    const quantMap = required(source, name, name + SUFFIX.quantMap);
    const parts = [required(source, name, name), required(source, name, name + SUFFIX.absmax), quantMap, state];
    for (const suffix of [SUFFIX.nestedAbsmax, SUFFIX.nestedQuantMap]) {
      const nested = source.entries.get(name + suffix);
      if (nested !== undefined) parts.push(nested);
    }
    for (const small of [state, quantMap]) {
      if (small.byteLength > MAX_COMPANION_BYTES) {
        throw malformed(small.file, `has ${small.byteLength} bytes in ${quoted(small.name)}, expected a few hundred.`);
      }
    }
    const parsed = parseBnbState(await source.readBytes(state.name), await source.readF32(quantMap.name), name);
    return new BnbWeight(source, name, parsed, parts);
  }

  async readAbsmax(): Promise<Float32Array> {
    const { name } = this.entry;
    if (this.#absmax.dtype === 'F32') {
      return readBnbAbsmax({ absmax: await this.#source.readF32(this.#absmax.name) }, this.#state, name);
    }
    const absmax = await this.#source.readBytes(this.#absmax.name);
    const nested = {
      absmax: await this.#source.readF32(required(this.#source, name, name + SUFFIX.nestedAbsmax).name),
      quantMap: await this.#source.readF32(required(this.#source, name, name + SUFFIX.nestedQuantMap).name),
    };
    return readBnbAbsmax({ absmax, nested }, this.#state, name);
  }

  /** Values [begin, end) of the flattened weight. @param absmax the whole weight's */
  async decode(absmax: Float32Array, begin: number, end: number): Promise<Float32Array> {
    const from = begin >> 1;
    const codes = await this.#source.readRange(this.entry.name, from, Math.ceil(end / 2) - from);
    return decodeNf4Range(codes, absmax, begin, end);
  }
}

function required(source: TensorSource, weight: string, name: string): TensorEntry {
  const entry = source.entries.get(name);
  if (entry !== undefined) return entry;
  const { file } = source.entries.get(weight + STATE_SUFFIX) ?? { file: weight };
  throw malformed(file, `lacks ${quoted(name)}, which the bitsandbytes weight ${quoted(weight)} needs.`);
}

class BnbTensorSource implements TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: TensorSource;
  readonly #weights: ReadonlyMap<string, BnbWeight>;
  /** Absmax of the weight read last, since readers finish one weight before the next. */
  #recent: { readonly name: string; readonly absmax: Float32Array } | null = null;

  constructor(source: TensorSource, weights: ReadonlyMap<string, BnbWeight>) {
    const hidden = new Set([...weights.values()].flatMap(({ companions }) => companions));
    const entries = new Map<string, TensorEntry>();
    for (const entry of source.entries.values()) {
      if (!hidden.has(entry.name)) entries.set(entry.name, weights.get(entry.name)?.entry ?? entry);
    }
    this.entries = entries;
    this.metadata = source.metadata;
    this.#source = source;
    this.#weights = weights;
  }

  async readBytes(name: string): Promise<Uint8Array> {
    if (!this.#weights.has(name)) return this.#source.readBytes(name);
    const values = await this.readF32(name);
    return new Uint8Array(values.buffer);
  }

  async readF32(name: string): Promise<Float32Array> {
    const weight = this.#weights.get(name);
    if (weight === undefined) return this.#source.readF32(name);
    const absmax = await this.#absmaxOf(weight);
    const out = new Float32Array(elementCount(weight.entry.shape));
    for (let begin = 0; begin < out.length; begin += DECODE_VALUES) {
      out.set(await weight.decode(absmax, begin, Math.min(begin + DECODE_VALUES, out.length)), begin);
    }
    return out;
  }

  async readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array> {
    const weight = this.#weights.get(name);
    if (weight === undefined) return this.#source.readRange(name, byteStart, byteLength);
    const byteEnd = byteStart + byteLength;
    if (byteStart < 0 || byteLength < 0 || byteEnd > weight.entry.byteLength) {
      throw malformed(weight.entry.file, `has no bytes ${byteStart} to ${byteEnd} in ${quoted(name)}.`);
    }
    const begin = Math.floor(byteStart / F32_BYTES);
    const values = await weight.decode(await this.#absmaxOf(weight), begin, Math.ceil(byteEnd / F32_BYTES));
    return new Uint8Array(values.buffer, byteStart - begin * F32_BYTES, byteLength);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  async #absmaxOf(weight: BnbWeight): Promise<Float32Array> {
    const { name } = weight.entry;
    if (this.#recent?.name === name) return this.#recent.absmax;
    const absmax = await weight.readAbsmax();
    this.#recent = { name, absmax };
    return absmax;
  }
}
