/** The layout of linears in SVDQuant int4: `quant/formats/svdq.ts`' parts of one matrix, or of two side by side. */
import { partsLayout, type PackedLayout } from '../tensor-source.js';
import { bytesOf } from './scaled-rows.js';
import type { SvdqMatrix, SvdqStored } from './svdq-matrix.js';

/**
 * @param matrices with the same rows, their columns one after the other
 * @param first row of all, and number of rows; whole tiles
 * @returns none where a matrix is in fp4 or has no low-rank branch
 */
export function svdqLayout(
  matrices: readonly SvdqMatrix[],
  first: number,
  count: number,
): { readonly layout?: PackedLayout } {
  if (!matrices.every(({ format, rank }) => format === 'int4' && rank > 0)) return {};
  const ranks = matrices.reduce((sum, { rank }) => sum + rank, 0);
  const k = matrices.reduce((sum, matrix) => sum + matrix.k, 0);
  const read = () => Promise.all(matrices.map((matrix) => matrix.storedRows(first, first + count)));
  const floats = (of: (stored: SvdqStored) => Float32Array) => async () =>
    bytesOf(besides((await read()).map(of), count, (length) => new Float32Array(length)));
  return {
    layout: partsLayout(
      'svdq',
      count,
      {
        codes: async () =>
          besides(
            (await read()).map(({ codes }) => codes),
            count,
            (length) => new Uint8Array(length),
          ),
        scale: floats(({ scales }) => scales),
        up: floats(({ up }) => up),
        inverse: async () => bytesOf(Float32Array.from((await read()).flatMap(({ inverse }) => [...inverse]))),
        down: async () => bytesOf(stackedDown(await read(), matrices, ranks, k)),
      },
      ['inverse', 'down'],
      { down: [ranks, k], up: [count, ranks] },
    ),
  };
}

/** Rows of several matrices side by side. */
function besides<T extends Uint8Array | Float32Array>(
  parts: readonly T[],
  rows: number,
  make: (length: number) => T,
): T {
  const widths = parts.map((part) => part.length / rows);
  const width = widths.reduce((sum, one) => sum + one, 0);
  const out = make(width * rows);
  for (let row = 0; row < rows; row++) {
    let at = row * width;
    parts.forEach((part, i) => {
      const own = widths[i] as number;
      out.set(part.subarray(row * own, (row + 1) * own), at);
      at += own;
    });
  }
  return out;
}

/** Each matrix's `down` over its own columns, zeros over the others; [Σ R, Σ K]. */
function stackedDown(
  stored: readonly SvdqStored[],
  matrices: readonly SvdqMatrix[],
  ranks: number,
  k: number,
): Float32Array {
  const out = new Float32Array(ranks * k);
  let [row, column] = [0, 0];
  matrices.forEach((matrix, i) => {
    const { down } = stored[i] as SvdqStored;
    for (let r = 0; r < matrix.rank; r++) {
      out.set(down.subarray(r * matrix.k, (r + 1) * matrix.k), (row + r) * k + column);
    }
    row += matrix.rank;
    column += matrix.k;
  });
  return out;
}
