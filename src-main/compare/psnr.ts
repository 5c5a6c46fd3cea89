import { assertSameSize, type Picture } from './picture.js';

/**
 * Peak signal-to-noise ratio over all channels, in decibels; `Infinity` for identical pictures.
 *
 * @source 10 log10(255² / MSE), MSE over all pixels and channels.
 */
export function psnr(a: Picture, b: Picture): number {
  assertSameSize(a, b);
  // Squares of bytes sum exactly in a double up to 2^53 / 255² pixels.
  let sum = 0;
  for (let i = 0; i < a.data.length; i += 1) {
    const d = (a.data[i] as number) - (b.data[i] as number);
    sum += d * d;
  }
  return sum === 0 ? Infinity : 10 * Math.log10((255 * 255 * a.data.length) / sum);
}
