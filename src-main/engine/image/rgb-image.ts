/** The engine's one layout of pictures in memory. */
import { invariant } from '../../base/assert.js';

/** An upright sRGB picture, 8 bits a channel. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] row-major, red first. */
  readonly data: Uint8Array;
}

/** A picture of one colour. @param value level of all three channels, 0 to 255 */
export function filledImage(width: number, height: number, value: number): RgbImage {
  return { width, height, data: new Uint8Array(width * height * 3).fill(value) };
}

/** @throws Error (a bug) when the bytes do not fit the size. */
export function assertRgbImage(image: RgbImage): void {
  const { width, height, data } = image;
  invariant(
    Number.isInteger(width) &&
      Number.isInteger(height) &&
      width > 0 &&
      height > 0 &&
      data.length === width * height * 3,
    `a picture of ${String(width)} x ${String(height)} with ${String(data.length)} bytes`,
  );
}
