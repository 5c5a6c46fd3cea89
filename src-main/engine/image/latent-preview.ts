/**
 * Small pictures of latents without the VAE: each RGB level is a linear function of the latent channels. The factors
 * belong to a VAE and are fitted here to pairs of latents and their picture; no published table is included (the known
 * one for FLUX is under a copyleft licence).
 *
 * C is the number of latent channels, h and w the latents' height and width.
 */
import { invariant } from '../../base/assert.js';
import { AppError } from '../../base/app-error.js';
import { assertRgbImage, type RgbImage } from './rgb-image.js';

/** Linear map from a latent position to sRGB levels in 0..1; JSON-safe, to be kept in a pack's cache. */
export interface LatentRgbFactors {
  /** [C][3]: level per unit of the channel, for red, green, blue. */
  readonly weights: readonly (readonly [number, number, number])[];
  /** Levels of an all-zero position. */
  readonly bias: readonly [number, number, number];
}

/** A picture and its latents. */
export interface LatentRgbPair {
  /** [C, h, w], scaled for the denoiser; read only. */
  readonly latents: Float32Array;
  readonly latentHeight: number;
  readonly latentWidth: number;
  /** The picture; its sides are one multiple of the latents' sides. Read only. */
  readonly image: RgbImage;
}

/** Relative weight of the ridge term: enough to separate channels that always move together, too little to be visible. */
const RIDGE = 1e-6;

/**
 * A picture of the latents, one pixel per position.
 *
 * @param latents [C, h, w]; read only. While denoising: the predicted clean latents (x - sigma * velocity).
 * @returns h x w pixels in a new array; levels are clamped to 0..255, NaN gives 0
 */
export function previewFromLatents(
  latents: Float32Array,
  latentHeight: number,
  latentWidth: number,
  factors: LatentRgbFactors,
): RgbImage {
  const pixels = latentHeight * latentWidth;
  const channels = factors.weights.length;
  invariant(latents.length === channels * pixels, `${String(latents.length)} latents for ${String(channels)} channels`);
  const data = new Uint8ClampedArray(pixels * 3);
  for (let colour = 0; colour < 3; colour++) {
    const levels = new Float64Array(pixels).fill(factors.bias[colour] as number);
    factors.weights.forEach((weights, channel) => {
      const weight = weights[colour] as number;
      for (let i = 0; i < pixels; i++) {
        levels[i] = (levels[i] as number) + weight * (latents[channel * pixels + i] as number);
      }
    });
    for (let i = 0; i < pixels; i++) data[i * 3 + colour] = (levels[i] as number) * 255;
  }
  return { width: latentWidth, height: latentHeight, data: new Uint8Array(data.buffer) };
}

/**
 * Factors that map the latents of the pairs to their pictures with the least squared error (each position against the
 * mean of its block of pixels). One photograph is enough: it has thousands of positions for 3 * (C + 1) unknowns.
 *
 * @throws AppError engine.not-finite when a pair contains NaN or infinity
 * @source normal equations of ridge regression (Hoerl and Kennard 1970), solved by Cholesky factorization in float64
 */
export function fitLatentRgbFactors(pairs: readonly LatentRgbPair[]): LatentRgbFactors {
  const first = pairs[0];
  invariant(first !== undefined, 'a fit needs at least one pair');
  const channels = first.latents.length / (first.latentHeight * first.latentWidth);
  const size = channels + 1;
  const gram = new Float64Array(size * size);
  const moments = new Float64Array(size * 3);
  for (const pair of pairs) accumulate(pair, channels, gram, moments);
  if (!gram.every(Number.isFinite)) {
    throw new AppError('engine.not-finite', 'The latents of the sample picture contain NaN or infinity.', {
      remedy: 'Choose f32 or another provider for the VAE.',
    });
  }
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * size + i] as number;
  for (let i = 0; i < size; i++) {
    gram[i * size + i] = (gram[i * size + i] as number) + (RIDGE * trace) / size;
  }
  solveCholesky(gram, moments, size, 3);
  const row = (i: number): [number, number, number] => [
    moments[i * 3] as number,
    moments[i * 3 + 1] as number,
    moments[i * 3 + 2] as number,
  ];
  return { weights: Array.from({ length: channels }, (_, i) => row(i)), bias: row(channels) };
}

/** Adds one pair to the Gram matrix [C + 1, C + 1] and the moments [C + 1, 3]; the last row is the constant 1. */
function accumulate(pair: LatentRgbPair, channels: number, gram: Float64Array, moments: Float64Array): void {
  const { latents, latentHeight, latentWidth, image } = pair;
  assertRgbImage(image);
  const scale = image.width / latentWidth;
  const pixels = latentHeight * latentWidth;
  invariant(
    Number.isInteger(scale) && image.height === scale * latentHeight,
    'the picture is not a multiple of its latents',
  );
  invariant(latents.length === channels * pixels, 'pairs with different channel counts');
  const size = channels + 1;
  const features = new Float64Array(size).fill(1);
  for (let i = 0; i < pixels; i++) {
    for (let channel = 0; channel < channels; channel++) features[channel] = latents[channel * pixels + i] as number;
    const levels = blockMean(image, i % latentWidth, Math.floor(i / latentWidth), scale);
    for (let a = 0; a < size; a++) {
      const feature = features[a] as number;
      for (let b = 0; b < size; b++)
        gram[a * size + b] = (gram[a * size + b] as number) + feature * (features[b] as number);
      for (let c = 0; c < 3; c++) moments[a * 3 + c] = (moments[a * 3 + c] as number) + feature * (levels[c] as number);
    }
  }
}

/** Mean levels (0..1) of the block of pixels of a latent position. */
function blockMean(image: RgbImage, column: number, row: number, scale: number): [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0];
  for (let y = row * scale; y < (row + 1) * scale; y++) {
    for (let x = column * scale; x < (column + 1) * scale; x++) {
      const at = (y * image.width + x) * 3;
      for (let c = 0; c < 3; c++) sums[c as 0 | 1 | 2] += image.data[at + c] as number;
    }
  }
  const divisor = 255 * scale * scale;
  return [sums[0] / divisor, sums[1] / divisor, sums[2] / divisor];
}

/** Solves A X = B for a positive definite A [n, n]; A is overwritten by its factor, B [n, columns] by X. */
function solveCholesky(a: Float64Array, b: Float64Array, n: number, columns: number): void {
  const at = (i: number, j: number): number => a[i * n + j] as number;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  for (let c = 0; c < columns; c++) {
    for (let i = 0; i < n; i++) {
      let sum = b[i * columns + c] as number;
      for (let k = 0; k < i; k++) sum -= at(i, k) * (b[k * columns + c] as number);
      b[i * columns + c] = sum / at(i, i);
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = b[i * columns + c] as number;
      for (let k = i + 1; k < n; k++) sum -= at(k, i) * (b[k * columns + c] as number);
      b[i * columns + c] = sum / at(i, i);
    }
  }
}
