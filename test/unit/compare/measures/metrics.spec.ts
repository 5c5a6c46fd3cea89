import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { comparePictures } from '../../../../src-main/compare/measures/picture-metrics.js';
import type { Picture } from '../../../../src-main/compare/measures/picture.js';

const folder = new URL('../../../fixtures/compare/', import.meta.url);
const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as {
  psnr: number;
  ssim_luma: number;
  mean_absolute: number;
  max_absolute: number;
};

async function load(name: string): Promise<Picture> {
  const { data, info } = await sharp(readFileSync(new URL(name, folder)))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

describe('metrics against scikit-image', () => {
  let a: Picture;
  let b: Picture;
  beforeAll(async () => {
    [a, b] = await Promise.all([load('a.png'), load('b.png')]);
  });

  it('gives the same PSNR, SSIM and absolute differences', () => {
    const { whole } = comparePictures(a, b);
    expect(whole.psnr).toBeCloseTo(expected.psnr, 9);
    expect(whole.ssim).toBeCloseTo(expected.ssim_luma, 9);
    expect(whole.meanAbsolute).toBeCloseTo(expected.mean_absolute, 9);
    expect(whole.maxAbsolute).toBe(expected.max_absolute);
    expect(whole.identical).toBe(false);
  });

  it('says identical for identical pictures', () => {
    expect(comparePictures(a, a).whole).toEqual({
      pixels: a.width * a.height,
      identical: true,
      psnr: null,
      ssim: 1,
      meanAbsolute: 0,
      maxAbsolute: 0,
      flip: 0,
    });
  });
});
