import { invariant } from '../base/assert.js';
import { assertSameSize, luma, type Picture } from './picture.js';

const RADIUS = 5;
const SIGMA = 1.5;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** 11 weights that sum to 1. */
const WINDOW: Float64Array = (() => {
  const weights = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, i) => Math.exp(-0.5 * ((i - RADIUS) / SIGMA) ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
})();

/** Gaussian mean at every place where the whole window fits: `[height - 10, width - 10]`. */
function blur(values: Float64Array, width: number, height: number): Float64Array {
  const outWidth = width - 2 * RADIUS;
  const outHeight = height - 2 * RADIUS;
  const rows = new Float64Array(height * outWidth);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < outWidth; x += 1) {
      let sum = 0;
      const at = y * width + x;
      for (let k = 0; k < WINDOW.length; k += 1) sum += (WINDOW[k] as number) * (values[at + k] as number);
      rows[y * outWidth + x] = sum;
    }
  }
  const out = new Float64Array(outHeight * outWidth);
  for (let k = 0; k < WINDOW.length; k += 1) {
    const weight = WINDOW[k] as number;
    const at = k * outWidth;
    for (let i = 0; i < out.length; i += 1) out[i] = (out[i] as number) + weight * (rows[at + i] as number);
  }
  return out;
}

function product(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < out.length; i += 1) out[i] = (a[i] as number) * (b[i] as number);
  return out;
}

/**
 * Mean structural similarity of luma, 1 for identical pictures. Gaussian window 11 with sigma 1.5, K1 = 0.01,
 * K2 = 0.03, population covariance, over the places where the window fits.
 *
 * @param a at least 11 pixels on each side
 * @source Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
 * Similarity", IEEE TIP 13(4), 2004, equation 13.
 */
export function ssim(a: Picture, b: Picture): number {
  assertSameSize(a, b);
  const { width, height } = a;
  invariant(width > 2 * RADIUS && height > 2 * RADIUS, 'SSIM needs at least 11 pixels on each side');
  const x = luma(a);
  const y = luma(b);
  const meanX = blur(x, width, height);
  const meanY = blur(y, width, height);
  const squareX = blur(product(x, x), width, height);
  const squareY = blur(product(y, y), width, height);
  const cross = blur(product(x, y), width, height);
  let sum = 0;
  for (let i = 0; i < meanX.length; i += 1) {
    const mx = meanX[i] as number;
    const my = meanY[i] as number;
    const varX = (squareX[i] as number) - mx * mx;
    const varY = (squareY[i] as number) - my * my;
    const cov = (cross[i] as number) - mx * my;
    sum += ((2 * mx * my + C1) * (2 * cov + C2)) / ((mx * mx + my * my + C1) * (varX + varY + C2));
  }
  return sum / meanX.length;
}
