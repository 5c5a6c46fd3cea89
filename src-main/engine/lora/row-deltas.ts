/**
 * The rows of each kind of delta, from what a LoRA stores of it. N rows and K columns of the LoRA's layer, r rank.
 *
 * @source formulas: lycoris-lora 4.1.3 modules/{locon,loha,lokr,full,glora}.py, the weights of `forward`
 */
import { assertNever } from '../../base/assert.js';
import type { StoredDelta, StoredFactor, StoredProduct } from '../weights/tensor-source.js';
import { RowReader, type ValueStore } from '../weights/value-reader.js';
import { addScaled, newTile, ProductRows } from './product-rows.js';

/** A matrix Δ [N, K] whose rows are computed when they are needed. */
export interface RowDelta {
  /**
   * sums[i] += factor · Δ[row + i] for begin <= i < end.
   *
   * @param sums TILE rows of [K]
   * @param base the same rows of the weight, [K] each
   * @throws AppError weights.unreadable
   */
  add(
    sums: readonly Float64Array[],
    row: number,
    begin: number,
    end: number,
    factor: number,
    base: readonly Float32Array[],
  ): void;
}

/**
 * Memory holds the right factors of products (r · K), and blocks of 1 MiB of everything else.
 * @throws AppError weights.unreadable
 */
export function openDelta(delta: StoredDelta, k: number, store: ValueStore): RowDelta {
  switch (delta.kind) {
    case 'low-rank':
      return openProduct(delta.product, store);
    case 'hadamard':
      return hadamard(openProduct(delta.first, store), openProduct(delta.second, store), k);
    case 'kronecker':
      return kronecker(openFactor(delta.first, store), openFactor(delta.second, store), secondRows(delta.second));
    case 'whole': {
      const rows = new RowReader(store, delta.values);
      return {
        add: (sums, row, begin, end, factor) => {
          for (let index = begin; index < end; index++) {
            addScaled(sums[index] as Float64Array, rows.row(row + index), factor);
          }
        },
      };
    }
    case 'generalized':
      return generalized(delta.input, openProduct(delta.output, store), store);
    default:
      return assertNever(delta);
  }
}

function openProduct({ left, right }: StoredProduct, store: ValueStore): ProductRows {
  const rows = new RowReader(store, left);
  const values = store.read(right, 0, right.rows * right.columns);
  return new ProductRows((index) => rows.row(index), Float64Array.from(values), right.rows);
}

/** Row by row, the last one kept. */
function openFactor(factor: StoredFactor, store: ValueStore): (index: number) => ArrayLike<number> {
  if (!('left' in factor)) {
    const rows = new RowReader(store, factor);
    return (index) => rows.row(index);
  }
  const product = openProduct(factor, store);
  const row = new Float64Array(factor.right.columns);
  let kept = -1;
  return (index) => {
    if (index !== kept) product.addRow(row.fill(0), index, 1);
    kept = index;
    return row;
  };
}

function secondRows(second: StoredFactor): number {
  return 'left' in second ? second.left.rows : second.rows;
}

function hadamard(first: ProductRows, second: ProductRows, k: number): RowDelta {
  const [a, b] = [newTile(k), newTile(k)];
  return {
    add: (sums, row, begin, end, factor) => {
      for (const values of [...a, ...b]) values.fill(0);
      first.add(a, row, begin, end, factor);
      second.add(b, row, begin, end, 1);
      for (let index = begin; index < end; index++) {
        const [sum, x, y] = [sums[index], a[index], b[index]] as [Float64Array, Float64Array, Float64Array];
        for (let i = 0; i < k; i++) sum[i] = (sum[i] as number) + (x[i] as number) * (y[i] as number);
      }
    },
  };
}

/** @param c rows of the second factor */
function kronecker(
  first: (index: number) => ArrayLike<number>,
  second: (index: number) => ArrayLike<number>,
  c: number,
): RowDelta {
  return {
    add: (sums, row, begin, end, factor) => {
      for (let index = begin; index < end; index++) {
        const sum = sums[index] as Float64Array;
        const x = first(Math.floor((row + index) / c));
        const y = second((row + index) % c);
        for (let p = 0, at = 0; p < x.length; p++) {
          const scale = factor * (x[p] as number);
          for (let q = 0; q < y.length; q++, at++) sum[at] = (sum[at] as number) + scale * (y[q] as number);
        }
      }
    },
  };
}

function generalized({ left, right }: StoredProduct, output: ProductRows, store: ValueStore): RowDelta {
  const rank = right.rows;
  const into = store.read(left, 0, left.rows * rank);
  const out = Float64Array.from(store.read(right, 0, rank * right.columns));
  return {
    add: (sums, row, begin, end, factor, base) => {
      output.add(sums, row, begin, end, factor);
      const middle = new Float64Array(rank);
      for (let index = begin; index < end; index++) {
        const weights = base[index] as Float32Array;
        middle.fill(0);
        for (let i = 0; i < weights.length; i++)
          addScaled(middle, into.subarray(i * rank, (i + 1) * rank), weights[i] as number);
        const sum = sums[index] as Float64Array;
        for (let j = 0; j < rank; j++) {
          addScaled(sum, out.subarray(j * sum.length, (j + 1) * sum.length), factor * (middle[j] as number));
        }
      }
    },
  };
}
