/** DoRA: a delta whose sum with the weight gets the norms that the LoRA stores. See `Decomposition` for the formula. */
import type { Decomposition, StoredDelta } from '../weights/tensor-source.js';
import { RowReader, type ValueStore } from '../weights/value-reader.js';
import { newTile, TILE } from './product-rows.js';
import { openDelta, type RowDelta } from './row-deltas.js';

/** A delta to which a decomposition belongs. */
export interface Decomposed {
  readonly delta: StoredDelta;
  /** γ. */
  readonly factor: number;
  readonly decomposition: Decomposition;
}

/**
 * Strength · (W' − W), as a delta of factor 1.
 *
 * @param k columns of the layer
 * @param n rows of the layer
 * @param columnNorms of V, [K]; null for rows, whose norms are computed with them
 * @throws AppError weights.unreadable
 */
export function openDecomposed(
  { delta, factor: gamma, decomposition: { strength, magnitude, axis } }: Decomposed,
  n: number,
  k: number,
  columnNorms: Float64Array | null,
  store: ValueStore,
): RowDelta {
  const inner = openDelta(delta, k, store);
  const norms = store.read(magnitude, 0, axis === 'row' ? n : k);
  const ratios = columnNorms?.map((norm, column) => ratio(norms[column] as number, norm));
  const tile = newTile(k);
  return {
    add: (sums, row, begin, end, factor, base) => {
      for (const values of tile) values.fill(0);
      inner.add(tile, row, begin, end, gamma, base);
      for (let index = begin; index < end; index++) {
        const [sum, v, w] = [sums[index], tile[index], base[index]] as [Float64Array, Float64Array, Float32Array];
        for (let i = 0; i < k; i++) v[i] = (v[i] as number) + (w[i] as number);
        const whole = ratios === undefined ? ratio(norms[row + index] as number, Math.sqrt(sumOfSquares(v))) : 0;
        for (let i = 0; i < k; i++) {
          const scaled = (v[i] as number) * (ratios === undefined ? whole : (ratios[i] as number));
          sum[i] = (sum[i] as number) + factor * strength * (scaled - (w[i] as number));
        }
      }
    },
  };
}

/** What V is multiplied by. Zeros stay zeros, as they do with the small number that LyCORIS adds to the norm. */
function ratio(magnitude: number, norm: number): number {
  return norm === 0 ? 0 : magnitude / norm;
}

function sumOfSquares(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

/** Norms of V's columns, gathered row by row. */
export class ColumnNorms {
  readonly #inner: RowDelta;
  readonly #gamma: number;
  readonly #squares: Float64Array;
  readonly #tile: Float64Array[];

  /** @throws AppError weights.unreadable */
  constructor({ delta, factor }: Decomposed, k: number, store: ValueStore) {
    this.#inner = openDelta(delta, k, store);
    this.#gamma = factor;
    this.#squares = new Float64Array(k);
    this.#tile = newTile(k);
  }

  /** Counts rows in. @param values rows of W, [rows, K] @param deltaRow of the first one */
  add(values: Float32Array, deltaRow: number): void {
    const squares = this.#squares;
    const k = squares.length;
    const rows = values.length / k;
    for (let row = 0; row < rows; row += TILE) {
      const end = Math.min(TILE, rows - row);
      const base = this.#tile.map((_, index) => values.subarray((row + index) * k, (row + index + 1) * k));
      for (const sum of this.#tile) sum.fill(0);
      this.#inner.add(this.#tile, deltaRow + row, 0, end, this.#gamma, base);
      for (let index = 0; index < end; index++) {
        const [v, w] = [this.#tile[index], base[index]] as [Float64Array, Float32Array];
        for (let i = 0; i < k; i++) squares[i] = (squares[i] as number) + ((v[i] as number) + (w[i] as number)) ** 2;
      }
    }
  }

  /** [K]. */
  norms(): Float64Array {
    return this.#squares.map(Math.sqrt);
  }
}

/** Norms of V's columns where all of the layer's weights are in files. @throws AppError weights.unreadable */
export function columnNormsFromFiles(decomposed: Decomposed, k: number, store: ValueStore): Float64Array {
  const norms = new ColumnNorms(decomposed, k, store);
  for (const { stored, rows, deltaRow } of decomposed.decomposition.layer) {
    if (stored === null) throw new Error('Invariant violated: a weight of the layer is not in a file');
    const reading = new RowReader(store, stored);
    for (let row = 0; row < rows; row += TILE) {
      const count = Math.min(TILE, rows - row);
      const values = new Float32Array(count * k);
      for (let index = 0; index < count; index++) values.set(reading.row(row + index), index * k);
      norms.add(values, deltaRow + row);
    }
  }
  return norms.norms();
}
