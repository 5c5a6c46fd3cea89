import { invariant } from '../../base/assert.js';
import { assertSameSize, luma, type Picture } from './picture.js';

/** The window has 11 pixels. */
export const SSIM_RADIUS = 5;
const SIGMA = 1.5;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Weights at distance 0 to 5; the whole window sums to 1. */
const WINDOW: readonly [number, number, number, number, number, number] = (() => {
  const [w0, w1, w2, w3, w4, w5] = [0, 1, 2, 3, 4, 5].map((x) => Math.exp(-0.5 * (x / SIGMA) ** 2)) as [
    number, number, number, number, number, number,
  ]; // prettier-ignore
  const sum = w0 + 2 * (w1 + w2 + w3 + w4 + w5);
  return [w0 / sum, w1 / sum, w2 / sum, w3 / sum, w4 / sum, w5 / sum];
})();

/** Gaussian mean along one direction at every place where the window fits; `step` is 1 along rows, else the width. */
function blurAlong(values: Float64Array, width: number, outWidth: number, outHeight: number, step: number) {
  const [w0, w1, w2, w3, w4, w5] = WINDOW;
  const out = new Float64Array(outWidth * outHeight);
  for (let y = 0; y < outHeight; y += 1) {
    for (let x = 0, from = y * width, to = y * outWidth; x < outWidth; x += 1, from += 1, to += 1) {
      out[to] =
        w5 * ((values[from] as number) + (values[from + 10 * step] as number)) +
        w4 * ((values[from + step] as number) + (values[from + 9 * step] as number)) +
        w3 * ((values[from + 2 * step] as number) + (values[from + 8 * step] as number)) +
        w2 * ((values[from + 3 * step] as number) + (values[from + 7 * step] as number)) +
        w1 * ((values[from + 4 * step] as number) + (values[from + 6 * step] as number)) +
        w0 * (values[from + 5 * step] as number);
    }
  }
  return out;
}

/** `[height - 10, width - 10]` */
function blur(values: Float64Array, width: number, height: number): Float64Array {
  const outWidth = width - 2 * SSIM_RADIUS;
  const rows = blurAlong(values, width, outWidth, height, 1);
  return blurAlong(rows, outWidth, outWidth, height - 2 * SSIM_RADIUS, outWidth);
}

/**
 * Structural similarity of luma around every pixel at which the window fits. Gaussian window 11 with sigma 1.5,
 * K1 = 0.01, K2 = 0.03, population covariance.
 *
 * @param a at least 11 pixels on each side
 * @returns `[height - 10, width - 10]`, 1 where equal; entry (y, x) belongs to pixel (y + 5, x + 5)
 * @source Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
 * Similarity", IEEE TIP 13(4), 2004, equation 13.
 */
export function ssimMap(a: Picture, b: Picture): Float64Array {
  assertSameSize(a, b);
  const { width, height } = a;
  invariant(width > 2 * SSIM_RADIUS && height > 2 * SSIM_RADIUS, 'SSIM needs at least 11 pixels on each side');
  const x = luma(a);
  const y = luma(b);
  const meanX = blur(x, width, height);
  const meanY = blur(y, width, height);
  // The formula needs the two variances only as their sum.
  const squares = new Float64Array(x.length);
  const products = new Float64Array(x.length);
  for (let i = 0; i < x.length; i += 1) {
    const vx = x[i] as number;
    const vy = y[i] as number;
    squares[i] = vx * vx + vy * vy;
    products[i] = vx * vy;
  }
  const square = blur(squares, width, height);
  const cross = blur(products, width, height);
  for (let i = 0; i < meanX.length; i += 1) {
    const mx = meanX[i] as number;
    const my = meanY[i] as number;
    const means = mx * mx + my * my;
    const variances = (square[i] as number) - means;
    const covariance = (cross[i] as number) - mx * my;
    meanX[i] = ((2 * mx * my + C1) * (2 * covariance + C2)) / ((means + C1) * (variances + C2));
  }
  return meanX;
}
