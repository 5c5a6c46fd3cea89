/** Tiles of full width over a map [C, H, W], and a group normalization's statistics from their sums. */

/** Reads rows `start`..`start + rows`; its own are `from`..`to`. In rows of the input. */
export interface Tile {
  readonly start: number;
  readonly rows: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Cuts `height` rows into tiles of at most `own` rows that read `halo` more rows on both sides. All have the same size,
 * so that one graph serves them all: at the picture's edges the tile moves inwards.
 */
export function cutRows(height: number, own: number, halo: number): Tile[] {
  const count = Math.ceil(height / Math.max(1, own));
  const step = Math.ceil(height / count);
  const rows = Math.min(height, step + 2 * halo);
  return Array.from({ length: Math.ceil(height / step) }, (_, index) => {
    const from = index * step;
    return { start: Math.min(Math.max(0, from - halo), height - rows), rows, from, to: Math.min(height, from + step) };
  });
}

/** Copies rows of every channel of a map [C, height, width] into one of another height. */
export function copyRows(
  source: { readonly data: Float32Array; readonly height: number; readonly start: number },
  target: { readonly data: Float32Array; readonly height: number; readonly start: number },
  rows: number,
  width: number,
): void {
  const channels = source.data.length / (source.height * width);
  for (let c = 0; c < channels; c++) {
    const from = (c * source.height + source.start) * width;
    target.data.set(source.data.subarray(from, from + rows * width), (c * target.height + target.start) * width);
  }
}

/** Sums and sums of squares of each channel, gathered tile by tile in f64. */
export class ChannelSums {
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;

  constructor(channels: number) {
    this.#sums = new Float64Array(channels);
    this.#squares = new Float64Array(channels);
  }

  /** @param sums, squares [C, rows]; rows `from`..`to` count */
  add(sums: Float32Array, squares: Float32Array, rows: number, from: number, to: number): void {
    for (let c = 0; c < this.#sums.length; c++) {
      for (let row = c * rows + from; row < c * rows + to; row++) {
        (this.#sums[c] as number) += sums[row] as number;
        (this.#squares[c] as number) += squares[row] as number;
      }
    }
  }

  /**
   * Mean and 1/√(variance + epsilon) of each channel's group, repeated for its channels.
   * @param positions values of one channel
   * @source Wu & He 2018, "Group Normalization", eq. 1 to 3
   */
  statistics(groups: number, positions: number, epsilon: number): { mean: Float32Array; scale: Float32Array } {
    const channels = this.#sums.length;
    const size = channels / groups;
    const mean = new Float32Array(channels);
    const scale = new Float32Array(channels);
    for (let first = 0; first < channels; first += size) {
      let sum = 0;
      let squares = 0;
      for (let c = first; c < first + size; c++) {
        sum += this.#sums[c] as number;
        squares += this.#squares[c] as number;
      }
      const m = sum / (size * positions);
      const variance = Math.max(0, squares / (size * positions) - m * m);
      mean.fill(m, first, first + size);
      scale.fill(1 / Math.sqrt(variance + epsilon), first, first + size);
    }
    return { mean, scale };
  }
}
