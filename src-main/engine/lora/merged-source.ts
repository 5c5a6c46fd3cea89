/**
 * The tensors of a checkpoint with LoRAs added: W + Σ Δ, rounded once to bf16. Rows are computed when read; memory holds
 * the factors of one weight.
 */
import { AppError } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import { encodeBf16 } from '../quant/formats/sixteen-bit.js';
import { decodeToF32 } from '../weights/decode.js';
import {
  DTYPE_BYTES,
  elementCount,
  type Decomposition,
  type TensorDtype,
  type TensorEntry,
  type TensorSource,
  type WeightAddition,
} from '../weights/tensor-source.js';
import { ValueReader } from '../weights/value-reader.js';
import { ColumnNorms, type Decomposed } from './decompose.js';
import { RowAdditions } from './row-additions.js';

/** Dtypes of base weights that allow addition. */
const BASE_DTYPES: readonly TensorDtype[] = ['BF16', 'F16', 'F32', 'F8_E4M3', 'F8_E5M2'];
const BF16_BYTES = DTYPE_BYTES.BF16;
/** Weights read at a time for the norms of columns. */
const NORM_WEIGHTS = 2 ** 20;

/** Owns its base. */
export class MergedTensorSource implements TensorSource {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #base: TensorSource;
  readonly #loras: readonly TensorSource[];
  readonly #additions: ReadonlyMap<string, readonly WeightAddition[]>;
  readonly #reader = new ValueReader();
  /** Factors of the weight read last, since readers finish one weight before the next. */
  #recent: { readonly name: string; readonly additions: Promise<RowAdditions> } | null = null;
  /** Norms of the layer's columns read last; the weights of a fused layer share them. */
  #recentNorms: { readonly decomposition: Decomposition; readonly norms: Float64Array } | null = null;

  /**
   * @param loras files of the additions, closed with this
   * @throws AppError weights.unsupported-dtype for weights that nothing can be added to
   */
  constructor(
    base: TensorSource,
    loras: readonly TensorSource[],
    additions: ReadonlyMap<string, readonly WeightAddition[]>,
    digest: string,
  ) {
    this.#base = base;
    this.#loras = loras;
    this.#additions = additions;
    this.metadata = base.metadata;
    const entries = new Map<string, TensorEntry>();
    for (const entry of base.entries.values()) {
      const added = additions.get(entry.name);
      entries.set(entry.name, added === undefined ? entry : this.#merged(entry, added, digest));
    }
    this.entries = entries;
  }

  async readBytes(name: string): Promise<Uint8Array> {
    const entry = this.entries.get(name);
    if (entry === undefined || !this.#additions.has(name)) return this.#base.readBytes(name);
    return this.#roundedRows(entry, 0, entry.shape[0] as number);
  }

  async readF32(name: string): Promise<Float32Array> {
    if (!this.#additions.has(name)) return this.#base.readF32(name);
    return decodeToF32('BF16', await this.readBytes(name));
  }

  async readRange(name: string, byteStart: number, byteLength: number): Promise<Uint8Array> {
    const entry = this.entries.get(name);
    if (entry === undefined || !this.#additions.has(name)) return this.#base.readRange(name, byteStart, byteLength);
    const byteEnd = byteStart + byteLength;
    if (byteStart < 0 || byteLength < 0 || byteEnd > entry.byteLength) {
      throw new AppError(
        'weights.wrong-shape',
        `"${name}" has ${entry.byteLength} bytes; bytes ${byteStart} to ${byteEnd} were requested.`,
        { remedy: 'The checkpoint is of another model than its config.json says.' },
      );
    }
    const rowBytes = columnsOf(entry) * BF16_BYTES;
    const firstRow = Math.floor(byteStart / rowBytes);
    const bytes = await this.#roundedRows(entry, firstRow, Math.ceil(byteEnd / rowBytes));
    return bytes.subarray(byteStart - firstRow * rowBytes, byteEnd - firstRow * rowBytes);
  }

  async close(): Promise<void> {
    this.#reader.close();
    await Promise.all([this.#base, ...this.#loras].map((source) => source.close()));
  }

  /** @throws AppError weights.unsupported-dtype */
  #merged(base: TensorEntry, additions: readonly WeightAddition[], digest: string): TensorEntry {
    if (!BASE_DTYPES.includes(base.dtype)) {
      throw new AppError(
        'weights.unsupported-dtype',
        `The tensor "${base.name}" has dtype ${base.dtype}; a LoRA can be added to ${BASE_DTYPES.join(', ')}.`,
        { remedy: 'Use a checkpoint in bf16, f16, f32, plain fp8 or bitsandbytes nf4.' },
      );
    }
    const entry: TensorEntry = {
      ...base,
      dtype: 'BF16',
      byteLength: elementCount(base.shape) * BF16_BYTES,
      origin: {
        kind: 'merged',
        digest,
        base,
        additions,
        readBase: (byteStart, byteLength) => this.#base.readRange(base.name, byteStart, byteLength),
        readRows: async (firstRow, rows) => {
          const values = await this.#baseRows(base, firstRow, rows);
          const sum = values.slice();
          (await this.#additionsOf(base)).addTo(sum, firstRow);
          return { base: values, sum };
        },
      },
    };
    return entry;
  }

  /** bf16 bytes of rows [from, to). */
  async #roundedRows(entry: TensorEntry, from: number, to: number): Promise<Uint8Array> {
    const { name } = entry;
    const base = defined(this.#base.entries.get(name), name);
    const values = await this.#baseRows(base, from, to - from);
    (await this.#additionsOf(base)).addTo(values, from);
    return new Uint8Array(encodeBf16(values, 1, values.length, name).buffer);
  }

  async #baseRows(base: TensorEntry, firstRow: number, rows: number): Promise<Float32Array> {
    const rowBytes = columnsOf(base) * DTYPE_BYTES[base.dtype];
    return decodeToF32(base.dtype, await this.#base.readRange(base.name, firstRow * rowBytes, rows * rowBytes));
  }

  #additionsOf(base: TensorEntry): Promise<RowAdditions> {
    const { name } = base;
    if (this.#recent?.name === name) return this.#recent.additions;
    const additions = this.#openAdditions(defined(this.#additions.get(name), name), columnsOf(base));
    this.#recent = { name, additions };
    return additions;
  }

  async #openAdditions(additions: readonly WeightAddition[], k: number): Promise<RowAdditions> {
    const norms = new Map<Decomposition, Float64Array>();
    for (const { delta, factor, decomposition } of additions) {
      if (decomposition?.axis !== 'column') continue;
      norms.set(decomposition, await this.#columnNorms({ delta, factor, decomposition }, k));
    }
    return new RowAdditions(additions, k, this.#reader, ({ decomposition }) =>
      defined(norms.get(decomposition), 'the norms of columns'),
    );
  }

  async #columnNorms(decomposed: Decomposed, k: number): Promise<Float64Array> {
    const { decomposition } = decomposed;
    if (this.#recentNorms?.decomposition === decomposition) return this.#recentNorms.norms;
    const gathered = new ColumnNorms(decomposed, k, this.#reader);
    const chunk = Math.max(1, Math.floor(NORM_WEIGHTS / k));
    for (const { weight, weightRow, deltaRow, rows } of decomposition.layer) {
      const base = defined(this.#base.entries.get(weight), weight);
      for (let row = 0; row < rows; row += chunk) {
        gathered.add(await this.#baseRows(base, weightRow + row, Math.min(chunk, rows - row)), deltaRow + row);
      }
    }
    const norms = gathered.norms();
    this.#recentNorms = { decomposition, norms };
    return norms;
  }
}

/** Columns of a matrix; a vector's numbers are its rows. */
function columnsOf({ shape }: TensorEntry): number {
  return shape[1] ?? 1;
}
