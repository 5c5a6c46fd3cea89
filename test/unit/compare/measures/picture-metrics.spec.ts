import { beforeAll, describe, expect, it } from 'vitest';
import { magmaPicture } from '../../../../src-main/compare/measures/magma.js';
import { comparePictures, type Box } from '../../../../src-main/compare/measures/picture-metrics.js';
import type { Picture } from '../../../../src-main/compare/measures/picture.js';
import { loadPicture, readFixture } from './load-picture.js';

interface Region {
  flip_mean: number;
  psnr: number;
  mean_absolute: number;
}
const expected = readFixture('flip.json') as { face_box: Box; inside: Region; outside: Region };

describe('comparePictures', () => {
  let a: Picture;
  let b: Picture;
  beforeAll(async () => {
    [a, b] = await Promise.all([loadPicture('a.png'), loadPicture('b.png')]);
  });

  it('has no regions without a face', () => {
    expect(comparePictures(a, b)).toMatchObject({ face: null, surroundings: null });
  });

  it.each(['inside', 'outside'] as const)('gives the numpy values %s the face box', (side) => {
    const { face, surroundings } = comparePictures(a, b, { faceBox: expected.face_box });
    const found = side === 'inside' ? face : surroundings;
    expect(found?.psnr).toBeCloseTo(expected[side].psnr, 9);
    expect(found?.meanAbsolute).toBeCloseTo(expected[side].mean_absolute, 9);
    expect(found?.flip).toBeCloseTo(expected[side].flip_mean, 6);
  });

  it('splits the windows of SSIM without losing one', () => {
    const { whole, face, surroundings } = comparePictures(a, b, { faceBox: expected.face_box });
    // All windows of this box fit, so their number is the box's pixels.
    const inside = face?.pixels ?? 0;
    const outside = 118 * 86 - inside;
    const mean = (inside * (face?.ssim ?? NaN) + outside * (surroundings?.ssim ?? NaN)) / (118 * 86);
    expect(mean).toBeCloseTo(whole.ssim ?? NaN, 9);
  });

  it('says identical for the part that is', () => {
    const data = Uint8Array.from(a.data);
    data.set([0, 0, 0], 0);
    const { whole, face, surroundings } = comparePictures(a, { ...a, data }, { faceBox: expected.face_box });
    expect(face).toMatchObject({ identical: true, psnr: null, ssim: 1, meanAbsolute: 0 });
    expect(whole.identical).toBe(false);
    expect(surroundings?.identical).toBe(false);
  });

  it('keeps a box within the picture, and has no face where nothing of it is', () => {
    expect(comparePictures(a, b, { faceBox: [-50, -50, 500, 500] })).toMatchObject({
      face: { pixels: 128 * 96 },
      surroundings: null,
    });
    expect(comparePictures(a, b, { faceBox: [200, 10, 300, 20] }).face).toBeNull();
  });

  it('has no SSIM for pictures smaller than its window', () => {
    const tiny: Picture = { width: 8, height: 8, data: new Uint8Array(192) };
    expect(comparePictures(tiny, tiny).whole).toMatchObject({ identical: true, ssim: null });
  });
});

describe('magmaPicture', () => {
  it('goes from black to pale yellow through the published colours', () => {
    const { data } = magmaPicture(Float32Array.of(0, 128 / 255, 1, 3), 4, 1);
    expect([...data]).toEqual([0, 0, 4, 183, 55, 121, 252, 253, 191, 252, 253, 191]);
  });
});
