/**
 * Presents checkpoints with linears in bitsandbytes' NF4 as ordinary ones: each weight under its own name with its real
 * shape [N, K] and f32 values, without its companion tensors. `origin` gives access to the packed bytes.
 *
 * @source bitsandbytes-foundation/bitsandbytes: functional.py, QuantState.as_dict
 */
import { parseBnbState, readBnbAbsmax, type BnbState } from '../quant/formats/bnb-nf4.js';
import { decodeNf4Range, NF4_BLOCK } from '../quant/formats/nf4.js';
import { packedEntry, withPackedWeights, type PackedWeight } from './packed-source.js';
import { elementCount, type TensorEntry, type TensorSource } from './tensor-source.js';
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
/**
 * The source itself without NF4 weights, else a view that owns it.
 * @throws AppError weights.malformed, weights.unsupported-dtype, weights.unreadable; the source then stays open
 */
export async function withBnbWeights(source: TensorSource): Promise<TensorSource> {
  const weights: PackedWeight[] = [];
  const recent: RecentAbsmax = { weight: null, absmax: null };
  for (const name of source.entries.keys()) {
    if (name.endsWith(STATE_SUFFIX)) {
      weights.push(await BnbWeight.open(source, name.slice(0, -STATE_SUFFIX.length), recent));
    }
  }
  return withPackedWeights(source, weights);
}

/** Absmax of the weight read last, since readers finish one weight before the next. */
interface RecentAbsmax {
  weight: BnbWeight | null;
  absmax: Float32Array | null;
}

/** One weight and its parts, whose headers are checked against each other. */
class BnbWeight implements PackedWeight {
  readonly entry: PackedWeight['entry'];
  readonly companions: readonly string[];
  readonly #source: TensorSource;
  readonly #state: BnbState;
  readonly #absmax: TensorEntry;
  readonly #recent: RecentAbsmax;

  private constructor(
    source: TensorSource,
    name: string,
    state: BnbState,
    parts: readonly TensorEntry[],
    recent: RecentAbsmax,
  ) {
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
    this.#recent = recent;
    this.entry = packedEntry(name, [n, k], qweight, {
      kind: 'packed',
      type: 'NF4',
      parts,
      layout: {
        format: 'nf4',
        codes: qweight,
        absmax: absmax.dtype === 'F32' ? absmax : null,
        readAbsmax: () => this.#readAbsmax(),
      },
      decode: (begin, end) => this.#decode(begin, end),
      readPart: (part, byteStart, byteLength) => source.readRange(part.name, byteStart, byteLength),
    });
  }

  static async open(source: TensorSource, name: string, recent: RecentAbsmax): Promise<BnbWeight> {
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
    return new BnbWeight(source, name, parsed, parts, recent);
  }

  async #readAbsmax(): Promise<Float32Array> {
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

  async #decode(begin: number, end: number): Promise<Float32Array> {
    const recent = this.#recent;
    const absmax = recent.weight === this && recent.absmax !== null ? recent.absmax : await this.#readAbsmax();
    Object.assign(recent, { weight: this, absmax });
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
