import { describe, expect, it } from 'vitest';
import { cropFace, warpAffineToBgr } from '../../../../src-main/engine/face/warp-affine.js';
import { filledImage } from '../../../../src-main/engine/image/rgb-image.js';
import { astronaut, difference, faceFixture, landmarksOf } from './face-fixture.js';

describe('cropFace', () => {
  it('equals the reference crops bit for bit', async () => {
    const image = await astronaut();
    const expected = faceFixture('norm_crop_bgr').data as Uint8Array;
    const bytes = 112 * 112 * 3;
    for (let face = 0; face < 6; face++) {
      const crop = cropFace(image, landmarksOf(face));
      expect(difference(crop, expected.subarray(face * bytes, (face + 1) * bytes))).toEqual({
        mean: 0,
        max: 0,
        count: 0,
      });
    }
  });
});

describe('warpAffineToBgr', () => {
  it('swaps red and blue', () => {
    const image = { width: 1, height: 1, data: Uint8Array.from([10, 20, 30]) };
    expect(Array.from(warpAffineToBgr(image, [1, 0, 0, 0, 1, 0], 1))).toEqual([30, 20, 10]);
  });

  it('is black outside the picture and fades over one pixel', () => {
    const crop = warpAffineToBgr(filledImage(2, 2, 200), [1, 0, 1.5, 0, 1, 1], 5);
    expect(Array.from({ length: 5 }, (_, x) => crop[(5 + x) * 3])).toEqual([0, 100, 200, 100, 0]);
    expect(crop.subarray(4 * 15).every((level) => level === 0)).toBe(true);
  });

  it('gives black for a matrix that leaves the numbers', () => {
    expect(warpAffineToBgr(filledImage(2, 2, 200), [NaN, 0, 0, 0, NaN, 0], 4).every((level) => level === 0)).toBe(true);
  });
});
