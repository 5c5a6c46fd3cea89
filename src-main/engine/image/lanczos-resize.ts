/**
 * Pillow's Lanczos resampling, bit for bit: two passes over 8-bit levels with fixed-point weights. The control image must
 * equal the reference's, which no library gives.
 */
import { invariant } from '../../base/assert.js';
import { assertRgbImage, type RgbImage } from './rgb-image.js';

/** Half the width of the filter, in output pixels when shrinking and in input pixels when enlarging. */
const SUPPORT = 3;

/** Fraction bits of a weight: 32 minus 8 for a level and 2 for overshoot. */
const PRECISION_BITS = 22;

/** The first input position of each output position, and the weights from there on. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** [output positions, stride] fixed-point weights. */
  readonly weights: Int32Array;
  readonly stride: number;
}

/**
 * Resizes a picture with the Lanczos filter of three lobes, rows first, then columns. A side that keeps its length is
 * not filtered.
 *
 * @param image read only
 * @param width pixels, at least 1
 * @returns a new picture, or `image` itself when the size does not change
 * @source python-pillow/Pillow: src/libImaging/Resample.c, `ImagingResample` for 8-bit pictures
 */
export function lanczosResize(image: RgbImage, width: number, height: number): RgbImage {
  assertRgbImage(image);
  invariant(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0, 'a size of whole pixels');
  const wide = width === image.width ? image : resizeRows(image, width);
  return height === image.height ? wide : resizeColumns(wide, height);
}

function resizeRows(image: RgbImage, width: number): RgbImage {
  const { starts, counts, weights, stride } = lanczosTaps(image.width, width);
  const out = new Uint8Array(width * image.height * 3);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      let at = (y * image.width + (starts[x] as number)) * 3;
      let red = 1 << (PRECISION_BITS - 1);
      let [green, blue] = [red, red];
      const end = x * stride + (counts[x] as number);
      for (let k = x * stride; k < end; k++, at += 3) {
        const weight = weights[k] as number;
        red += (image.data[at] as number) * weight;
        green += (image.data[at + 1] as number) * weight;
        blue += (image.data[at + 2] as number) * weight;
      }
      const to = (y * width + x) * 3;
      out[to] = toLevel(red);
      out[to + 1] = toLevel(green);
      out[to + 2] = toLevel(blue);
    }
  }
  return { width, height: image.height, data: out };
}

function resizeColumns(image: RgbImage, height: number): RgbImage {
  const { starts, counts, weights, stride } = lanczosTaps(image.height, height);
  const rowLength = image.width * 3;
  const out = new Uint8Array(rowLength * height);
  const sums = new Float64Array(rowLength);
  for (let y = 0; y < height; y++) {
    sums.fill(1 << (PRECISION_BITS - 1));
    for (let k = 0; k < (counts[y] as number); k++) {
      const weight = weights[y * stride + k] as number;
      const from = ((starts[y] as number) + k) * rowLength;
      for (let i = 0; i < rowLength; i++) sums[i] = (sums[i] as number) + (image.data[from + i] as number) * weight;
    }
    for (let i = 0; i < rowLength; i++) out[y * rowLength + i] = toLevel(sums[i] as number);
  }
  return { width: image.width, height, data: out };
}

/** Weights that sum to one per output position, without positions outside the picture. */
function lanczosTaps(from: number, to: number): Taps {
  const scale = from / to;
  const filterScale = Math.max(1, scale);
  const support = SUPPORT * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const taps = { starts: new Int32Array(to), counts: new Int32Array(to), weights: new Int32Array(to * stride), stride };
  for (let position = 0; position < to; position++) {
    const centre = (position + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(from, Math.trunc(centre + support + 0.5)) - start;
    const values = Array.from({ length: count }, (_, k) => lanczos((k + start - centre + 0.5) * (1 / filterScale)));
    const sum = values.reduce((total, value) => total + value, 0);
    taps.starts[position] = start;
    taps.counts[position] = count;
    values.forEach((value, k) => {
      const scaled = (sum === 0 ? value : value / sum) * (1 << PRECISION_BITS);
      taps.weights[position * stride + k] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
  }
  return taps;
}

function lanczos(x: number): number {
  return x >= -SUPPORT && x < SUPPORT ? sinc(x) * sinc(x / SUPPORT) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Fixed-point sum (half a unit already added) to a level, clamped to 0..255. */
function toLevel(sum: number): number {
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
}
