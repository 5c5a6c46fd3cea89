/** Adds LoRAs to rows of a weight: W + Σ Δ, sums in f64 and one rounding to f32 for each number. */
import type { WeightAddition } from '../weights/tensor-source.js';
import type { ValueStore } from '../weights/value-reader.js';
import { columnNormsFromFiles, openDecomposed, type Decomposed } from './decompose.js';
import { newTile, TILE } from './product-rows.js';
import { openDelta, type RowDelta } from './row-deltas.js';

interface Opened extends Pick<WeightAddition, 'weightRow' | 'rows' | 'deltaRow'> {
  readonly delta: RowDelta;
  readonly factor: number;
}

/** Norms of the columns of V, for an addition that needs them. */
export type ColumnNormsOf = (decomposed: Decomposed) => Float64Array;

/** The additions to one weight [N, K], their factors read. */
export class RowAdditions {
  readonly #opened: readonly Opened[];
  readonly #k: number;

  /**
   * @param columnNormsOf default: computed from files
   * @throws AppError weights.unreadable
   */
  constructor(
    additions: readonly WeightAddition[],
    k: number,
    store: ValueStore,
    columnNormsOf: ColumnNormsOf = (decomposed) => columnNormsFromFiles(decomposed, k, store),
  ) {
    this.#k = k;
    this.#opened = additions.map(({ weightRow, rows, deltaRow, delta, factor, decomposition }) => {
      const place = { weightRow, rows, deltaRow };
      if (decomposition === null) return { ...place, delta: openDelta(delta, k, store), factor };
      const decomposed = { delta, factor, decomposition };
      const norms = decomposition.axis === 'column' ? columnNormsOf(decomposed) : null;
      return { ...place, delta: openDecomposed(decomposed, deltaRow + rows, k, norms, store), factor: 1 };
    });
  }

  /**
   * Adds to `values` in place.
   * @param values rows [firstRow, firstRow + values.length / K) of the weight
   * @throws AppError weights.unreadable
   */
  addTo(values: Float32Array, firstRow: number): void {
    const k = this.#k;
    const sums = newTile(k);
    const rows = values.length / k;
    for (let row = 0; row < rows; row += TILE) {
      const count = Math.min(TILE, rows - row);
      const base = sums.map((_, index) => values.subarray((row + index) * k, (row + index + 1) * k));
      for (const sum of sums) sum.fill(0);
      const changed = new Set<number>();
      for (const { weightRow, rows: height, deltaRow, delta, factor } of this.#opened) {
        const offset = firstRow + row - weightRow;
        const begin = Math.max(0, -offset);
        const end = Math.min(count, height - offset);
        if (begin >= end) continue;
        delta.add(sums, deltaRow + offset, begin, end, factor, base);
        for (let index = begin; index < end; index++) changed.add(index);
      }
      for (const index of changed) {
        const [sum, out] = [sums[index], base[index]] as [Float64Array, Float32Array];
        for (let i = 0; i < k; i++) out[i] = (out[i] as number) + (sum[i] as number);
      }
    }
  }
}
