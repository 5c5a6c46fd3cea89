import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { decodeImage, readImage } from '../../../../src-main/engine/image/read-image.js';
import type { RgbImage } from '../../../../src-main/engine/image/rgb-image.js';
import { fixturePath } from '../../support/read-fixture.js';

/** Left half red, right half blue; wide enough to see which way is up. */
function redBlue(width: number, height: number): Buffer {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[(y * width + x) * 3 + (x < width / 2 ? 0 : 2)] = 255;
  }
  return data;
}

function rgb(width: number, height: number) {
  return sharp(redBlue(width, height), { raw: { width, height, channels: 3 } });
}

function pixel(image: RgbImage, x: number, y: number): number[] {
  const at = (y * image.width + x) * 3;
  return Array.from(image.data.subarray(at, at + 3));
}

async function failure(bytes: Uint8Array, name = 'photo.png'): Promise<AppError> {
  try {
    await decodeImage(bytes, name);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('the picture was accepted');
}

describe('decodeImage', () => {
  it('gives the pixels of a lossless picture unchanged', async () => {
    const image = await decodeImage(await rgb(8, 4).png().toBuffer(), 'a.png');
    expect(image).toMatchObject({ width: 8, height: 4 });
    expect(Buffer.from(image.data).equals(redBlue(8, 4))).toBe(true);
  });

  it('goes by the content, not by the name', async () => {
    const image = await decodeImage(await rgb(8, 4).png().toBuffer(), 'a.jpg');
    expect(pixel(image, 0, 0)).toEqual([255, 0, 0]);
  });

  it('turns a picture upright as its EXIF orientation says', async () => {
    // Orientation 6: the camera was turned, so the stored left edge is the top.
    const bytes = await rgb(8, 4).withMetadata({ orientation: 6 }).png().toBuffer();
    const image = await decodeImage(bytes, 'a.png');
    expect(image).toMatchObject({ width: 4, height: 8 });
    expect(pixel(image, 0, 0)).toEqual([255, 0, 0]);
    expect(pixel(image, 0, 7)).toEqual([0, 0, 255]);
  });

  it('mirrors a picture whose EXIF orientation asks for it', async () => {
    const image = await decodeImage(await rgb(8, 4).withMetadata({ orientation: 2 }).png().toBuffer(), 'a.png');
    expect(pixel(image, 0, 0)).toEqual([0, 0, 255]);
  });

  it('lays transparency on white', async () => {
    const data = Buffer.from([255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 128]);
    const bytes = await sharp(data, { raw: { width: 3, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    const image = await decodeImage(bytes, 'a.png');
    expect(pixel(image, 0, 0)).toEqual([255, 0, 0]);
    expect(pixel(image, 1, 0)).toEqual([255, 255, 255]);
    expect(Math.abs((pixel(image, 2, 0)[0] as number) - 127)).toBeLessThanOrEqual(1);
  });

  it('reduces 16-bit colour to its upper 8 bits', async () => {
    const data = Uint16Array.from([0x1234, 0x8001, 0xff00, 0x00ff, 0x7f80, 0xffff]);
    const bytes = await sharp(data, { raw: { width: 2, height: 1, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe('ushort');
    const image = await decodeImage(bytes, 'a.png');
    expect(Array.from(image.data)).toEqual([0x12, 0x80, 0xff, 0x00, 0x7f, 0xff]);
  });

  it('lays 16-bit transparency on white', async () => {
    const data = Uint16Array.from([0, 0, 0, 0, 0xffff, 0, 0, 0xffff]);
    const bytes = await sharp(data, { raw: { width: 2, height: 1, channels: 4 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    const image = await decodeImage(bytes, 'a.png');
    expect(Array.from(image.data)).toEqual([255, 255, 255, 255, 0, 0]);
  });

  it.each(['b-w', 'grey16'] as const)('spreads a grey picture (%s) over three channels', async (space) => {
    const bytes = await sharp(Buffer.from([0, 100, 200, 255]), { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace(space)
      .png()
      .toBuffer();
    const image = await decodeImage(bytes, 'grey.png');
    expect(image.data).toHaveLength(12);
    expect(pixel(image, 1, 0)).toEqual([100, 100, 100]);
    expect(pixel(image, 1, 1)).toEqual([255, 255, 255]);
  });

  it('reads a palette picture', async () => {
    const image = await decodeImage(await rgb(8, 4).png({ palette: true, colours: 4 }).toBuffer(), 'a.png');
    expect(pixel(image, 0, 0)).toEqual([255, 0, 0]);
  });

  it('converts a CMYK JPEG to sRGB', async () => {
    const bytes = await rgb(16, 16).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    const image = await decodeImage(bytes, 'print.jpg');
    expect(image).toMatchObject({ width: 16, height: 16 });
    const [r, g, b] = pixel(image, 2, 8) as [number, number, number];
    expect(r).toBeGreaterThan(200);
    expect(Math.max(g, b)).toBeLessThan(80);
  });

  it('converts an embedded wide-gamut profile to sRGB', async () => {
    const data = Buffer.alloc(16 * 16 * 3);
    for (let i = 0; i < 256; i++) data.set([200, 100, 60], i * 3);
    const bytes = await sharp(data, { raw: { width: 16, height: 16, channels: 3 } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect(stored[0]).not.toBe(200);
    const image = await decodeImage(bytes, 'phone.png');
    pixel(image, 8, 8).forEach((level, channel) => {
      expect(Math.abs(level - ([200, 100, 60][channel] as number))).toBeLessThanOrEqual(2);
    });
  });

  it.each(['gif', 'webp'] as const)('takes the first frame of an animated %s', async (format) => {
    const red = await sharp({ create: { width: 6, height: 5, channels: 3, background: '#ff0000' } })
      .png()
      .toBuffer();
    const blue = await sharp({ create: { width: 6, height: 5, channels: 3, background: '#0000ff' } })
      .png()
      .toBuffer();
    const frames = sharp([red, blue], { join: { animated: true } });
    const bytes = await (format === 'gif' ? frames.gif() : frames.webp({ lossless: true })).toBuffer();
    expect((await sharp(bytes, { animated: true }).metadata()).pages).toBe(2);
    const image = await decodeImage(bytes, `moving.${format}`);
    expect(image).toMatchObject({ width: 6, height: 5 });
    expect(pixel(image, 3, 3)).toEqual([255, 0, 0]);
  });

  it.each(['jpeg', 'webp', 'tiff', 'avif'] as const)('reads %s', async (format) => {
    const bytes = await rgb(16, 16).toFormat(format).toBuffer();
    const image = await decodeImage(bytes, `a.${format}`);
    expect(image).toMatchObject({ width: 16, height: 16 });
    expect(pixel(image, 2, 8)[0]).toBeGreaterThan(200);
  });

  it.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('refuses a truncated %s', async (format) => {
    const noise = Buffer.from({ length: 64 * 64 * 3 }).map((_, i) => (i * i * 31) % 251);
    const bytes = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    const error = await failure(bytes.subarray(0, Math.floor(bytes.length * 0.6)), `cut.${format}`);
    expect(error.code).toBe('image.unreadable');
    expect(error.message).toContain(`"cut.${format}"`);
    expect(error.message).toMatch(/truncated, damaged/);
  });

  it('says what it reads when the file is no picture', async () => {
    const error = await failure(Buffer.from('Dear diary, '.repeat(50)), 'letter.png');
    expect(error.code).toBe('image.unreadable');
    expect(error.message).toBe('"letter.png" is not a picture that the app can read.');
    expect(error.remedy).toContain('JPEG');
  });

  it('never hands drawings or documents to the picture library', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>';
    expect((await failure(Buffer.from(svg), 'a.svg')).message).toMatch(/not a picture/);
    expect((await failure(Buffer.from('%PDF-1.7\n'), 'a.pdf')).message).toMatch(/not a picture/);
  });

  it('names HEIC, which phones write, and what to do about it', async () => {
    const box = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
    const error = await failure(box, 'IMG_1.HEIC');
    expect(error.message).toMatch(/HEIC/);
    expect(error.remedy).toMatch(/JPEG or PNG/);
  });

  it('refuses a picture that is too large by its header, with its size', async () => {
    // A PNG header for 60000 x 60000 pixels with no data behind it.
    const header = Buffer.from(await rgb(8, 4).png().toBuffer());
    header.writeUInt32BE(60_000, 16);
    header.writeUInt32BE(60_000, 20);
    header.writeUInt32BE(crc32(header.subarray(12, 29)), 29);
    const error = await failure(header, 'poster.png');
    expect(error.code).toBe('image.unreadable');
    expect(error.message).toMatch(/too large/);
    expect(error.message).toMatch(/60000 x 60000/);
    expect(error.message).toMatch(/200 megapixels/);
  });
});

describe('readImage', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'read-image-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('reads a file', async () => {
    expect(await readImage(fixturePath('reference-tiny/astronaut.png'))).toMatchObject({ width: 512, height: 512 });
  });

  it('says that a file is missing, empty or a folder', async () => {
    await expect(readImage(join(folder, 'gone.png'))).rejects.toMatchObject({
      code: 'image.unreadable',
      message: 'The picture "gone.png" no longer exists.',
    });
    await writeFile(join(folder, 'empty.png'), '');
    await expect(readImage(join(folder, 'empty.png'))).rejects.toMatchObject({
      message: '"empty.png" is empty (0 bytes).',
    });
    await expect(readImage(folder)).rejects.toMatchObject({ code: 'image.unreadable' });
  });

  it('stops when cancelled', async () => {
    const path = fixturePath('reference-tiny/astronaut.png');
    await expect(readImage(path, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
