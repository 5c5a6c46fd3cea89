import { mkdtemp, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WeightInput } from '../../../../src-main/engine/graph/graph-builder.js';
import { ImageReader, imageOf } from '../../../../src-main/engine/runtime/blocks/weight-image.js';

let folder: string;
let reader: ImageReader;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-image-'));
  reader = new ImageReader();
  for (const [name, first] of [
    ['a', 0],
    ['b', 100],
  ] as const) {
    await writeFile(
      join(folder, name),
      Uint8Array.from({ length: 1000 }, (_, i) => (first + i) % 256),
    );
  }
});

afterEach(async () => {
  await reader.close();
  await rm(folder, { recursive: true, force: true });
});

function weight(name: string, file: string, offset: number, length: number): WeightInput {
  return { name, type: 'u8', dims: [length], place: { location: join(folder, file), offset, length } };
}

const IMAGE = () => imageOf([weight('w0', 'a', 10, 300), weight('w1', 'b', 5, 7), weight('w2', 'a', 500, 256)]);

describe('a block’s weights as one image', () => {
  it('begin at multiples of 256 bytes', () => {
    const { parts, bytes } = IMAGE();
    expect(parts.map(({ at }) => at)).toEqual([0, 512, 768]);
    expect(bytes).toBe(1024);
  });

  it('are read in any pieces', async () => {
    const image = IMAGE();
    const whole = new Uint8Array(image.bytes);
    await reader.read(image, 0, whole);
    expect([...whole.subarray(0, 3)]).toEqual([10, 11, 12]);
    expect([...whole.subarray(512, 519)]).toEqual([105, 106, 107, 108, 109, 110, 111]);
    expect(whole[768]).toBe(500 % 256);
    for (const length of [1, 100, 513, 1000]) {
      const pieces = new Uint8Array(image.bytes);
      for (let from = 0; from < image.bytes; from += length) {
        await reader.read(image, from, pieces.subarray(from, Math.min(image.bytes, from + length)));
      }
      expect(pieces).toEqual(whole);
    }
    expect(reader.bytesRead).toBe(5 * (300 + 7 + 256));
  });

  it('say so when a file is shorter than it was', async () => {
    const image = IMAGE();
    await reader.read(image, 0, new Uint8Array(image.bytes));
    await truncate(join(folder, 'a'), 600);
    await expect(reader.read(image, 0, new Uint8Array(image.bytes))).rejects.toMatchObject({
      code: 'weights.unreadable',
      message: expect.stringMatching(/changed while it was read: found 600 bytes, expected 756/) as string,
    });
    await expect(reader.check()).rejects.toMatchObject({ code: 'weights.unreadable' });
  });

  it('say so when a file was written meanwhile', async () => {
    const image = IMAGE();
    await reader.read(image, 0, new Uint8Array(image.bytes));
    await expect(reader.check()).resolves.toBeUndefined();
    await utimes(join(folder, 'b'), new Date(), new Date(Date.now() + 5000));
    await expect(reader.check()).rejects.toMatchObject({ code: 'weights.unreadable' });
  });

  it('say which file is not there', async () => {
    const image = imageOf([weight('w0', 'gone', 0, 4)]);
    await expect(reader.read(image, 0, new Uint8Array(4))).rejects.toMatchObject({
      code: 'weights.unreadable',
      message: expect.stringContaining('gone') as string,
    });
  });
});
