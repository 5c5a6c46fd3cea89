/** Writes finished pictures. A reader sees the old file or the whole new one. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { diskError } from '../../base/disk-error.js';
import { placeOrKeep } from '../../disk/keep-result.js';
import { removeFile, renameFile } from '../../disk/patience.js';
import { assertRgbImage, type RgbImage } from './rgb-image.js';

/**
 * Encodes a picture as an 8-bit RGB PNG without metadata. Equal pictures give equal bytes.
 *
 * @param image read only
 * @param options `compressed: false` gives every picture of one size the same number of bytes
 */
export async function encodePng(
  image: RgbImage,
  options: { readonly compressed: boolean } = { compressed: true },
): Promise<Uint8Array> {
  assertRgbImage(image);
  const { width, height, data } = image;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: options.compressed ? 6 : 0, adaptiveFiltering: options.compressed, palette: false })
    .toBuffer();
}

/**
 * Writes a picture as PNG: to a temporary file in the same folder, flushed to the disk, then renamed.
 *
 * @param path absolute path; its folder must exist, an existing file is replaced
 * @throws AppError disk.full, disk.failed; then the target is unchanged and the temporary file removed. A picture whose
 *   target is held for too long is kept beside it, under the name that the error says.
 */
export async function writePng(path: string, image: RgbImage): Promise<void> {
  await writeFileAtomically(path, await encodePng(image));
}

async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await placeOrKeep(path, `the picture "${basename(path)}"`, (target) => renameFile(temporary, target));
  } catch (error) {
    await removeFile(temporary).catch(() => undefined);
    throw diskError(error, `save the picture "${basename(path)}"`);
  }
}
