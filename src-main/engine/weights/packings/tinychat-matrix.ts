/**
 * A linear in TinyChat's 4-bit form: W = code · scale + zero, rows and columns interleaved. Groups are rows of the scales,
 * which may have more rows than groups.
 *
 * @source nunchaku-tech/nunchaku 3a3cc3d: nunchaku/models/text_encoders/linear.py, nunchaku/models/linear.py
 */
import { decodeTinychatRows, TINYCHAT_COLUMNS, TINYCHAT_ROWS } from '../../quant/packings/tinychat.js';
import { elementCount, type TensorEntry, type TensorSource } from '../tensor-source.js';
import { FACTORS, readColumns, shapeText, type PackedParts } from './packed-parts.js';

export class TinychatMatrix {
  readonly n: number;
  readonly k: number;
  readonly parts: readonly [TensorEntry, TensorEntry, TensorEntry];
  readonly #source: TensorSource;
  readonly #group: number;

  /**
   * @param qweight [N / 4, …] with K / 2 bytes a row
   * @param scale [groups or more, N], as `zero`
   * @param group columns
   * @throws AppError weights.malformed for tensors that contradict each other
   */
  constructor(
    source: TensorSource,
    found: PackedParts,
    qweight: TensorEntry,
    scale: TensorEntry,
    zero: TensorEntry,
    group: number,
  ) {
    const [quarter] = found.matrix(qweight);
    const n = quarter * TINYCHAT_ROWS;
    const k = (qweight.byteLength / n) * 2;
    if (!Number.isInteger(k) || k % TINYCHAT_COLUMNS !== 0 || k % group !== 0) {
      throw found.broken(`has ${qweight.byteLength} bytes for ${n} rows, expected columns in groups of ${group}`);
    }
    for (const factors of [scale, zero]) {
      const [rows, columns] = found.matrix(found.ofType(factors, ...FACTORS));
      if (columns !== n || rows < k / group || elementCount(factors.shape) !== elementCount(scale.shape)) {
        throw found.broken(
          `has ${factors.name.split('.').at(-1) ?? ''} of ${shapeText(factors.shape)}, expected [${k / group}, ${n}]`,
        );
      }
    }
    this.n = n;
    this.k = k;
    this.parts = [qweight, scale, zero];
    this.#source = source;
    this.#group = group;
  }

  /**
   * Stored rows `first`, `first + step`, … below `end`, flattened.
   * @throws AppError weights.unreadable
   */
  async rows(first: number, end: number, step = 1): Promise<Float32Array> {
    if (end <= first) return new Float32Array(0);
    const [qweight, scale, zero] = this.parts;
    const from = first - (first % TINYCHAT_ROWS);
    const to = Math.ceil(end / TINYCHAT_ROWS) * TINYCHAT_ROWS;
    const rowBytes = this.k / 2;
    const chosen = Array.from({ length: Math.ceil((end - first) / step) }, (_, i) => first - from + i * step);
    return decodeTinychatRows(
      {
        codes: await this.#source.readRange(qweight.name, from * rowBytes, (to - from) * rowBytes),
        k: this.k,
        group: this.#group,
        scale: await readColumns(this.#source, scale, from, to),
        zero: await readColumns(this.#source, zero, from, to),
        rows: to - from,
      },
      chosen,
    );
  }
}
