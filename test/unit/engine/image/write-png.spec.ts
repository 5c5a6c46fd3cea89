import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../../src-main/engine/image/read-image.js';
import { filledImage } from '../../../../src-main/engine/image/rgb-image.js';
import { encodePng, writePng } from '../../../../src-main/engine/image/write-png.js';

const image = { width: 5, height: 3, data: Uint8Array.from({ length: 45 }, (_, i) => (i * 37) % 256) };

describe('encodePng', () => {
  it('loses nothing', async () => {
    const bytes = await encodePng(image);
    expect(Array.from(bytes.subarray(0, 8))).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const back = await decodeImage(bytes, 'a.png');
    expect({ ...back, data: Array.from(back.data) }).toEqual({ ...image, data: Array.from(image.data) });
  });

  it('writes 8-bit RGB (colour type 2) also for a picture without colour', async () => {
    const bytes = await encodePng(filledImage(4, 4, 7));
    expect(Array.from(bytes.subarray(24, 26))).toEqual([8, 2]);
  });

  it('refuses bytes that do not fit the size', async () => {
    await expect(encodePng({ width: 5, height: 4, data: image.data })).rejects.toThrow(/5 x 4/);
  });
});

describe('writePng', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'write-png-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('replaces a file and leaves nothing else behind', async () => {
    const path = join(folder, 'out.png');
    await writeFile(path, 'old');
    await writePng(path, image);
    expect(await readdir(folder)).toEqual(['out.png']);
    expect(Buffer.from(await encodePng(image)).equals(await readFile(path))).toBe(true);
  });

  it('says why a picture could not be saved', async () => {
    await expect(writePng(join(folder, 'none', 'out.png'), image)).rejects.toMatchObject({
      code: 'disk.failed',
      message: 'Could not save the picture "out.png": a folder or drive of its path is not there (ENOENT).',
    });
  });
});
