/** OpenCV's bilinear resizing of 8-bit pictures, bit for bit: no filtering when shrinking, weights of 11 bits. */
import { invariant } from '../../base/assert.js';
import { assertRgbImage, type RgbImage } from './rgb-image.js';
import { roundHalfEven } from '../../base/round-half-even.js';

/** Sum of two weights. */
const ONE = 2048;

/** The two input positions of each output position, and their weights. */
interface Taps {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly firstWeight: Int32Array;
  readonly secondWeight: Int32Array;
}

/**
 * Resizes a picture bilinearly around pixel centres.
 *
 * @param image read only
 * @param width pixels, at least 1
 * @returns a new picture
 * @source opencv/opencv: modules/imgproc/src/resize.cpp, `INTER_LINEAR` for 8-bit pictures
 */
export function bilinearResize(image: RgbImage, width: number, height: number): RgbImage {
  assertRgbImage(image);
  invariant(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0, 'a size of whole pixels');
  if (image.width === 2 * width && image.height === 2 * height) return halve(image);
  const columns = bilinearTaps(image.width, width, true);
  const rows = bilinearTaps(image.height, height, false);
  const upper = new Int32Array(width * 3);
  const lower = new Int32Array(width * 3);
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    resizeRow(image, rows.first[y] as number, columns, upper);
    resizeRow(image, rows.second[y] as number, columns, lower);
    const upperWeight = rows.firstWeight[y] as number;
    const lowerWeight = rows.secondWeight[y] as number;
    for (let i = 0; i < upper.length; i++) {
      const above = (upperWeight * ((upper[i] as number) >> 4)) >> 16;
      const below = (lowerWeight * ((lower[i] as number) >> 4)) >> 16;
      out[y * width * 3 + i] = (above + below + 2) >> 2;
    }
  }
  return { width, height, data: out };
}

/** Blends one row along x into 19-bit sums. */
function resizeRow(image: RgbImage, row: number, columns: Taps, out: Int32Array): void {
  const start = row * image.width * 3;
  for (let x = 0; x < columns.first.length; x++) {
    const left = start + (columns.first[x] as number) * 3;
    const right = start + (columns.second[x] as number) * 3;
    const leftWeight = columns.firstWeight[x] as number;
    const rightWeight = columns.secondWeight[x] as number;
    for (let channel = 0; channel < 3; channel++) {
      out[x * 3 + channel] =
        (image.data[left + channel] as number) * leftWeight + (image.data[right + channel] as number) * rightWeight;
    }
  }
}

/**
 * @param settleEdges whether positions beyond the outermost pixel centres use that pixel alone (OpenCV along x) or blend
 *   it with itself (along y, which can lose a level to rounding)
 */
function bilinearTaps(from: number, to: number, settleEdges: boolean): Taps {
  const scale = 1 / (to / from);
  const taps = {
    first: new Int32Array(to),
    second: new Int32Array(to),
    firstWeight: new Int32Array(to),
    secondWeight: new Int32Array(to),
  };
  for (let position = 0; position < to; position++) {
    const place = Math.fround((position + 0.5) * scale - 0.5);
    const first = Math.floor(place);
    const beyond = first < 0 || first >= from - 1;
    const fraction = settleEdges && beyond ? 0 : Math.fround(place - first);
    taps.first[position] = Math.min(Math.max(first, 0), from - 1);
    taps.second[position] = Math.min(Math.max(first + 1, 0), from - 1);
    taps.firstWeight[position] = roundHalfEven(Math.fround(Math.fround(1 - fraction) * ONE));
    taps.secondWeight[position] = roundHalfEven(Math.fround(fraction * ONE));
  }
  return taps;
}

/** OpenCV averages 2 x 2 blocks when both sides are exactly halved. */
function halve(image: RgbImage): RgbImage {
  const width = image.width / 2;
  const height = image.height / 2;
  const out = new Uint8Array(width * height * 3);
  const below = image.width * 3;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const at = (2 * y * image.width + 2 * x) * 3 + channel;
        const sum = [at, at + 3, at + below, at + below + 3].reduce((t, i) => t + (image.data[i] as number), 0);
        out[(y * width + x) * 3 + channel] = (sum + 2) >> 2;
      }
    }
  }
  return { width, height, data: out };
}
