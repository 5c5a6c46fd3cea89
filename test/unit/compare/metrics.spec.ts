import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { absoluteDifference, heatMap, heatScale } from '../../../src-main/compare/difference.js';
import type { Picture } from '../../../src-main/compare/picture.js';
import { psnr } from '../../../src-main/compare/psnr.js';
import { ssim } from '../../../src-main/compare/ssim.js';

const folder = new URL('../../fixtures/compare/', import.meta.url);
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

  it('gives the same PSNR', () => {
    expect(psnr(a, b)).toBeCloseTo(expected.psnr, 9);
  });

  it('gives the same SSIM', () => {
    expect(ssim(a, b)).toBeCloseTo(expected.ssim_luma, 9);
  });

  it('gives the same absolute differences', () => {
    const difference = absoluteDifference(a, b);
    expect(difference.mean).toBeCloseTo(expected.mean_absolute, 9);
    expect(difference.max).toBe(expected.max_absolute);
    expect(difference.identical).toBe(false);
  });

  it('says identical for identical pictures', () => {
    expect(psnr(a, a)).toBe(Infinity);
    expect(ssim(a, a)).toBeCloseTo(1, 12);
    expect(absoluteDifference(a, a)).toEqual({ identical: true, mean: 0, max: 0 });
  });
});

describe('heatMap', () => {
  const grey = (values: number[]): Picture => ({
    width: values.length,
    height: 1,
    data: Uint8Array.from(values.flatMap((v) => [v, v, v])),
  });

  it('goes from magma black at no difference to pale yellow at the scale and beyond', () => {
    const map = heatMap(grey([0, 0, 0]), grey([0, 20, 200]), 20);
    expect([...map.data]).toEqual([0, 0, 4, 252, 253, 191, 252, 253, 191]);
  });

  it('takes the channel that differs most', () => {
    const a: Picture = { width: 1, height: 1, data: Uint8Array.of(10, 10, 10) };
    const b: Picture = { width: 1, height: 1, data: Uint8Array.of(10, 10, 60) };
    expect([...heatMap(a, b, 50).data]).toEqual([252, 253, 191]);
  });

  it('never scales differences nobody can see up to full brightness', () => {
    expect(heatScale({ identical: false, mean: 0.1, max: 2 })).toBe(16);
    expect(heatScale({ identical: false, mean: 4, max: 90 })).toBe(90);
  });
});
