/** Fits a pose picture to the target size, as the reference does before face detection. */
import { AppError } from '../../base/app-error.js';
import { lanczosResize } from '../image/lanczos-resize.js';
import { filledImage, type RgbImage } from '../image/rgb-image.js';

/** Longest scaled side relative to the target's; longer pictures are rejected, which bounds memory. */
const MAX_STRETCH = 16;

/**
 * Scales a picture to the target's shorter side (its width when square) and centres it on white. The longer side is cut
 * evenly at both ends.
 *
 * @param image read only
 * @param width pixels of the target
 * @returns a new picture of width x height
 * @throws AppError image.unreadable when the picture is so narrow that nothing, or far too much, would be left
 * @source bytedance/InfiniteYou: pipelines/pipeline_infu_flux.py, `resize_and_pad_image`
 */
export function resizeAndPad(image: RgbImage, width: number, height: number): RgbImage {
  const portrait = width <= height;
  const newWidth = portrait ? width : Math.trunc(height * (image.width / image.height));
  const newHeight = portrait ? Math.trunc(width * (image.height / image.width)) : height;
  if (Math.min(newWidth, newHeight) < 1 || newWidth > MAX_STRETCH * width || newHeight > MAX_STRETCH * height) {
    throw new AppError(
      'image.unreadable',
      `The pose picture is ${String(image.width)} x ${String(image.height)} pixels: too narrow to be fitted into ${String(width)} x ${String(height)}.`,
      { remedy: 'Choose a picture of a more usual shape.' },
    );
  }
  return pasteCentred(lanczosResize(image, newWidth, newHeight), filledImage(width, height, 255));
}

/** Copies the overlapping part; odd differences round down, as in Python's floor division. */
function pasteCentred(source: RgbImage, target: RgbImage): RgbImage {
  const left = Math.floor((target.width - source.width) / 2);
  const top = Math.floor((target.height - source.height) / 2);
  const firstX = Math.max(0, left);
  const lastX = Math.min(target.width, left + source.width);
  for (let y = Math.max(0, top); y < Math.min(target.height, top + source.height); y++) {
    const row = (y - top) * source.width - left;
    target.data.set(source.data.subarray((row + firstX) * 3, (row + lastX) * 3), (y * target.width + firstX) * 3);
  }
  return target;
}
