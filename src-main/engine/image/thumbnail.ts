/** Small copies of pictures for lists. */
import sharp from 'sharp';
import { assertRgbImage, type RgbImage } from './rgb-image.js';

/** WebP quality that shows no blocks in a face of 100 pixels; a 512-pixel thumbnail has about 30 kB. */
const QUALITY = 82;

/** A WebP copy whose longer side is at most `maxSide` pixels; smaller pictures are not enlarged. @param image read only */
export async function makeThumbnail(image: RgbImage, maxSide: number): Promise<Uint8Array> {
  assertRgbImage(image);
  const { width, height, data } = image;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize({ width: maxSide, height: maxSide, fit: 'inside', withoutEnlargement: true })
    .webp({ quality: QUALITY })
    .toBuffer();
}
