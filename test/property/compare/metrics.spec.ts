import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flipMap } from '../../../src-main/compare/measures/flip.js';
import { comparePictures } from '../../../src-main/compare/measures/picture-metrics.js';
import type { Picture } from '../../../src-main/compare/measures/picture.js';

const pair = fc
  .record({ width: fc.integer({ min: 11, max: 24 }), height: fc.integer({ min: 11, max: 24 }) })
  .chain(({ width, height }) => {
    const bytes = fc.uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 });
    return fc.tuple(bytes, bytes).map(([a, b]): [Picture, Picture] => [
      { width, height, data: a },
      { width, height, data: b },
    ]);
  });

describe('picture metrics', () => {
  it('are symmetric, and within their bounds', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const { whole } = comparePictures(a, b);
        const back = comparePictures(b, a).whole;
        expect(whole.psnr).toBe(back.psnr);
        expect(whole.ssim).toBeCloseTo(back.ssim ?? NaN, 12);
        expect([whole.meanAbsolute, whole.maxAbsolute]).toEqual([back.meanAbsolute, back.maxAbsolute]);
        if (!whole.identical) expect(whole.psnr).toBeGreaterThanOrEqual(0);
        expect(Math.abs(whole.ssim ?? NaN)).toBeLessThanOrEqual(1 + 1e-12);
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it('include FLIP: symmetric, 0 to 1, 0 against itself', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const map = flipMap(a, b);
        const back = flipMap(b, a);
        expect(map.every((value, i) => Math.abs(value - (back[i] ?? NaN)) < 1e-6)).toBe(true);
        expect(map.every((value) => value >= 0 && value <= 1 + 1e-6)).toBe(true);
        expect(flipMap(a, a).every((value) => value === 0)).toBe(true);
      }),
      { seed: 4, numRuns: 50 },
    );
  });

  it('split by any box: the parts weigh up to the whole', () => {
    const box = fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30), fc.nat(30));
    fc.assert(
      fc.property(pair, box, ([a, b], faceBox) => {
        const { whole, face, surroundings } = comparePictures(a, b, { faceBox });
        if (face === null || surroundings === null) return;
        expect(face.pixels + surroundings.pixels).toBe(whole.pixels);
        for (const metric of ['meanAbsolute', 'flip'] as const) {
          const mean = (face[metric] * face.pixels + surroundings[metric] * surroundings.pixels) / whole.pixels;
          expect(mean).toBeCloseTo(whole[metric], 6);
        }
        expect(Math.max(face.maxAbsolute, surroundings.maxAbsolute)).toBe(whole.maxAbsolute);
      }),
      { seed: 4, numRuns: 50 },
    );
  });

  it('are perfect for a picture against itself', () => {
    fc.assert(
      fc.property(pair, ([a]) => {
        expect(comparePictures(a, a).whole).toMatchObject({ identical: true, psnr: null, ssim: 1, flip: 0 });
      }),
      { seed: 4, numRuns: 50 },
    );
  });
});
