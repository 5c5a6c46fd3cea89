/**
 * A linear in SVDQuant: W = Q / smooth + up · down, what nunchaku's kernel multiplies by when it does not round its
 * inputs. `down` was divided by the smoothing when it was exported, so it takes the inputs as they are.
 *
 * Tensors of a module M [N, K]: `M.qweight`; `M.wscales` for groups of 64 columns (int4) or 16 (fp4, then also
 * `M.wtscale`, a number, or `M.wcscales` [N]); `M.smooth` [K]; `M.lora_down` [K, R] and `M.lora_up` [N, R]; `M.bias`.
 * Later files say `smooth_factor`, `proj_down` and `proj_up`.
 * @source nunchaku-tech/nunchaku 3a3cc3d: nunchaku/models/linear.py, src/kernels/zgemm/gemm_w4a4.cuh
 */
import { addLowRankRows } from '../../quant/packings/low-rank-rows.js';
import {
  decodeSvdqRows,
  SVDQ_FORMATS,
  SVDQ_PACK,
  SVDQ_TILE,
  unpackSvdqCodes,
  unpackSvdqDown,
  unpackSvdqScales,
  unpackSvdqUp,
  unpackSvdqVector,
  type SvdqFormat,
  type SvdqTile,
} from '../../quant/packings/svdquant.js';
import type { TensorEntry, TensorSource } from '../tensor-source.js';
import { FACTORS, PackedParts, readStored, readValues } from './packed-parts.js';

/** What int4 kernels add to the inputs of the layers after a GELU. @source src/kernels/zgemm/gemm_w4a4_launch_impl.cuh */
const GELU_SHIFT = 0.171875;
/** Largest rank; published files have 16 to 256. */
const MAX_RANK = 4096;

/** Layers whose smoothing and low-rank factors are kept, since pieces of two may be read in turns. */
const KEPT_LAYERS = 2;

/** What all rows of a layer share, unpacked. */
interface Shared {
  readonly smooth: Float32Array;
  readonly down: Float64Array | null;
}

/** Some rows of a layer, unpacked. */
export interface SvdqStored {
  /** [rows, K / 2], as MatMulNBits has them. */
  readonly codes: Uint8Array;
  /** [rows, K / 64] */
  readonly scales: Float32Array;
  /** [K] */
  readonly inverse: Float32Array;
  /** [R, K] */
  readonly down: Float32Array;
  /** [rows, R] */
  readonly up: Float32Array;
}

/** The layers read last, of one checkpoint. */
export type RecentLayers = Map<string, Shared>;

export class SvdqMatrix {
  readonly format: SvdqFormat;
  readonly n: number;
  readonly k: number;
  /** All its tensors but the bias, `qweight` first. */
  readonly parts: readonly TensorEntry[];
  /** Tensors that only say where the smoothing came from. */
  readonly ignored: readonly TensorEntry[];
  /** [N], packed. */
  readonly bias: TensorEntry | null;
  readonly #source: TensorSource;
  readonly #recent: RecentLayers;
  readonly #qweight: TensorEntry;
  readonly #wscales: TensorEntry;
  readonly #rowScale: TensorEntry | null;
  readonly #tensorScale: TensorEntry | null;
  readonly #smooth: TensorEntry;
  readonly #lowRank: { readonly down: TensorEntry; readonly up: TensorEntry; readonly rank: number } | null;

  /** @throws AppError weights.malformed for tensors that contradict each other */
  constructor(source: TensorSource, module: string, qweight: TensorEntry, recent: RecentLayers) {
    const found = new PackedParts(source, 'SVDQuant', module, qweight);
    const [n, bytes] = found.matrix(found.ofType(qweight, 'I8'));
    const k = bytes * 2;
    if (n % SVDQ_TILE !== 0 || k % SVDQ_TILE !== 0) {
      throw found.broken(`has ${n} rows and ${k} columns, expected multiples of ${SVDQ_TILE}`);
    }
    const wscales = found.ofType(found.required(`${module}.wscales`), 'BF16', 'F16', 'F8_E4M3');
    const format = wscales.dtype === 'F8_E4M3' ? 'fp4' : 'int4';
    found.ofShape(wscales, [k / SVDQ_FORMATS[format].group, n]);
    const factor = (name: string, count: number): TensorEntry | null => {
      const entry = found.optional(`${module}.${name}`);
      return entry === undefined ? null : found.ofCount(found.ofType(entry, ...FACTORS), count);
    };
    const rowScale = factor('wcscales', n);
    const tensorScale = factor('wtscale', 1);
    if (format === 'int4' && (rowScale ?? tensorScale) !== null) {
      throw found.broken('has scales of int4 and a further scale of fp4');
    }
    const smooth = factor('smooth_factor', k) ?? found.required(`${module}.smooth`);
    found.ofCount(found.ofType(smooth, ...FACTORS), k);
    this.format = format;
    this.n = n;
    this.k = k;
    this.bias = factor('bias', n);
    this.ignored = ['smooth_orig', 'smooth_factor_orig']
      .map((name) => found.optional(`${module}.${name}`))
      .filter((entry) => entry !== undefined);
    this.#source = source;
    this.#recent = recent;
    this.#qweight = qweight;
    this.#wscales = wscales;
    this.#rowScale = rowScale;
    this.#tensorScale = tensorScale;
    this.#smooth = smooth;
    this.#lowRank = lowRankOf(found, module, n, k);
    const factors = this.#lowRank === null ? [] : [this.#lowRank.down, this.#lowRank.up];
    this.parts = [qweight, wscales, rowScale, tensorScale, smooth, ...factors].filter((part) => part !== null);
  }

  /** Whether a tensor has its values row by row, tile after tile; others belong to all rows. */
  isByRow(part: TensorEntry): boolean {
    return [this.#qweight, this.#wscales, this.#rowScale, this.#lowRank?.up].includes(part);
  }

  /** Rows [begin, end) of W, flattened. @throws AppError weights.unreadable */
  async rows(begin: number, end: number): Promise<Float32Array> {
    const shared = await this.#shared();
    const values = await this.#quantizedRows(begin, end, shared);
    const lowRank = this.#lowRank;
    if (lowRank === null || shared.down === null) return values;
    const { rank } = lowRank;
    const first = begin - (begin % SVDQ_PACK);
    const packed = await readValues(
      this.#source,
      lowRank.up,
      first * rank,
      Math.ceil(end / SVDQ_PACK) * SVDQ_PACK * rank,
    );
    const up = unpackSvdqUp(packed, begin - first, end - begin, rank);
    addLowRankRows(values, up, shared.down, rank, this.k);
    return values;
  }

  /**
   * Biases [begin, end).
   * @param afterGelu whether the layer's inputs come from a GELU: int4 kernels shift those, and the stored bias is less by
   * what the shift adds
   * @throws AppError weights.unreadable
   */
  async biases(begin: number, end: number, afterGelu: boolean): Promise<Float32Array> {
    const out = new Float32Array(end - begin);
    if (this.bias !== null) {
      const { first, last } = tilesOf(begin, end);
      const packed = await readValues(this.#source, this.bias, first, last);
      out.set(unpackSvdqVector(packed).subarray(begin - first, end - first));
    }
    if (!afterGelu || this.format !== 'int4') return out;
    const shared = await this.#shared();
    for (let row = begin; row < end; row += SVDQ_TILE) {
      const rows = Math.min(SVDQ_TILE, end - row);
      const values = await this.#quantizedRows(row, row + rows, shared);
      for (let i = 0; i < rows; i++) {
        let sum = 0;
        for (let j = i * this.k; j < (i + 1) * this.k; j++) sum += values[j] as number;
        const at = row - begin + i;
        out[at] = (out[at] as number) + GELU_SHIFT * sum;
      }
    }
    return out;
  }

  /** Of the low-rank branch; 0 without one. */
  get rank(): number {
    return this.#lowRank?.rank ?? 0;
  }

  /** Rows [begin, end), whole tiles, in the parts of `quant/formats/svdq.ts`. @throws AppError weights.unreadable */
  async storedRows(begin: number, end: number): Promise<SvdqStored> {
    const { k, rank } = this;
    const { smooth, down } = await this.#shared();
    const codes = new Uint8Array(((end - begin) * k) / 2);
    const groups = k / SVDQ_FORMATS.int4.group;
    const scales = new Float32Array((end - begin) * groups);
    for (let row = begin; row < end; row += SVDQ_TILE) {
      const tile = await this.#tile(row, smooth);
      codes.set(unpackSvdqCodes(tile.codes, k), ((row - begin) * k) / 2);
      scales.set(tile.scales, (row - begin) * groups);
    }
    const lowRank = this.#lowRank;
    const packed =
      lowRank === null ? new Float32Array() : await readValues(this.#source, lowRank.up, begin * rank, end * rank);
    return {
      codes,
      scales,
      inverse: smooth.map((value) => 1 / value),
      down: Float32Array.from(down ?? []),
      up: unpackSvdqUp(packed, 0, end - begin, rank),
    };
  }

  async #quantizedRows(begin: number, end: number, { smooth }: Shared): Promise<Float32Array> {
    const out = new Float32Array((end - begin) * this.k);
    for (let row = begin; row < end;) {
      const tileBegin = row - (row % SVDQ_TILE);
      const tileEnd = Math.min(tileBegin + SVDQ_TILE, end);
      const tile = await this.#tile(tileBegin, smooth);
      decodeSvdqRows(tile, row - tileBegin, tileEnd - tileBegin, out, (row - begin) * this.k);
      row = tileEnd;
    }
    return out;
  }

  /** @param row the tile's first */
  async #tile(row: number, smooth: Float32Array): Promise<SvdqTile> {
    const { format, k } = this;
    const end = row + SVDQ_TILE;
    const groups = k / SVDQ_FORMATS[format].group;
    const packed = await readValues(this.#source, this.#wscales, row * groups, end * groups);
    const scales = unpackSvdqScales(format, packed);
    const [tensorScale] = this.#tensorScale === null ? [1] : await readValues(this.#source, this.#tensorScale);
    const rowScales =
      this.#rowScale === null ? null : unpackSvdqVector(await readValues(this.#source, this.#rowScale, row, end));
    if (format === 'fp4') {
      for (let i = 0; i < scales.length; i++) {
        const factor = (tensorScale as number) * (rowScales?.[Math.floor(i / groups)] ?? 1);
        scales[i] = (scales[i] as number) * factor;
      }
    }
    const codes = await readStored(this.#source, this.#qweight, (row * k) / 2, (end * k) / 2);
    return { format, k, codes, scales, smooth };
  }

  async #shared(): Promise<Shared> {
    const key = this.#qweight.name;
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const smooth = unpackSvdqVector(await readValues(this.#source, this.#smooth));
    const lowRank = this.#lowRank;
    const down =
      lowRank === null ? null : unpackSvdqDown(await readValues(this.#source, lowRank.down), this.k, lowRank.rank);
    const shared = { smooth, down };
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size < KEPT_LAYERS) break;
      this.#recent.delete(oldest);
    }
    this.#recent.set(key, shared);
    return shared;
  }
}

function lowRankOf(found: PackedParts, module: string, n: number, k: number): SvdqNames | null {
  const down = found.optional(`${module}.proj_down`) ?? found.optional(`${module}.lora_down`);
  if (down === undefined) return null;
  const up = found.optional(`${module}.proj_up`) ?? found.required(`${module}.lora_up`);
  const [, rank] = found.matrix(found.ofType(down, ...FACTORS));
  if (rank % SVDQ_PACK !== 0 || rank > MAX_RANK) {
    throw found.broken(`has the rank ${rank}, expected a multiple of ${SVDQ_PACK} up to ${MAX_RANK}`);
  }
  found.ofShape(down, [k, rank]);
  found.ofShape(found.ofType(up, ...FACTORS), [n, rank]);
  return { down, up, rank };
}

interface SvdqNames {
  readonly down: TensorEntry;
  readonly up: TensorEntry;
  readonly rank: number;
}

/** First and last row of the tiles that have rows [begin, end). */
function tilesOf(begin: number, end: number): { readonly first: number; readonly last: number } {
  return { first: begin - (begin % SVDQ_TILE), last: Math.ceil(end / SVDQ_TILE) * SVDQ_TILE };
}
