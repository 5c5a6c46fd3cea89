/** Encoding by the kernels of `simd`, batch by batch. N rows, K columns. */
import { BATCH } from '../simd/block-functions.js';
import { blockKernels, type BlockKernels } from '../simd/block-kernels.js';
import { notFiniteError, type Weights } from './weights.js';

/**
 * Calls `encode` for batches of whole blocks of 32 in order: of each row, filled up with zeros, or of all rows in one where
 * rows are whole blocks.
 * @param block number of the batch's first block
 * @throws AppError quant.invalid-input for NaN and infinity
 */
export function forRowBatches(
  weights: Weights,
  n: number,
  k: number,
  label: string,
  encode: (kernels: BlockKernels, block: number, blocks: number) => void,
): void {
  const [rows, columns] = k % 32 === 0 ? [1, n * k] : [n, k];
  const blocksOfRow = Math.ceil(columns / 32);
  for (let row = 0; row < rows; row++) {
    forBatches(weights.subarray(row * columns, (row + 1) * columns), label, (kernels, block, blocks) =>
      encode(kernels, row * blocksOfRow + block, blocks),
    );
  }
}

/** The same of the flattened matrix. */
export function forBatches(
  weights: Weights,
  label: string,
  encode: (kernels: BlockKernels, block: number, blocks: number) => void,
): void {
  const kernels = blockKernels();
  for (let begin = 0; begin < weights.length; begin += BATCH) {
    const end = Math.min(begin + BATCH, weights.length);
    if (!kernels.take(weights, begin, end)) throw notFiniteError(label);
    encode(kernels, begin / 32, Math.ceil((end - begin) / 32));
  }
}
