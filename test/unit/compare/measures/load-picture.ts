/** The committed pair of pictures, and fixtures beside them. */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import type { Picture } from '../../../../src-main/compare/measures/picture.js';

const folder = new URL('../../../fixtures/compare/', import.meta.url);

export async function loadPicture(name: string): Promise<Picture> {
  const { data, info } = await sharp(readFileSync(new URL(name, folder)))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
}

/** Little-endian float32 values. */
export function readFloats(name: string): Float32Array {
  const bytes = readFileSync(new URL(name, folder));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
