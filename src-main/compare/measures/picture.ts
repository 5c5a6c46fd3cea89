/** The pixels that comparisons work on: sRGB, 8 bits, no alpha. */
import { invariant } from '../../base/assert.js';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`, row-major. */
  readonly data: Uint8Array;
}

/** A bug when the two do not have the same size. */
export function assertSameSize(a: Picture, b: Picture): void {
  invariant(a.width === b.width && a.height === b.height, 'pictures of different sizes are compared');
  for (const picture of [a, b]) {
    invariant(picture.data.length === picture.width * picture.height * 3, 'a picture is not RGB');
  }
}

/**
 * Luma of every pixel, 0 to 255, `[height, width]`.
 *
 * @source ITU-R BT.601 weights 0.299, 0.587, 0.114, as in the SSIM authors' `rgb2gray`.
 */
export function luma(picture: Picture): Float64Array {
  const { data } = picture;
  const out = new Float64Array(picture.width * picture.height);
  for (let i = 0, j = 0; i < out.length; i += 1, j += 3) {
    out[i] = 0.299 * (data[j] as number) + 0.587 * (data[j + 1] as number) + 0.114 * (data[j + 2] as number);
  }
  return out;
}
