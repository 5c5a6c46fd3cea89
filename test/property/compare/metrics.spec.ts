import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absoluteDifference } from '../../../src-main/compare/difference.js';
import { flipMap } from '../../../src-main/compare/flip.js';
import { comparePictures } from '../../../src-main/compare/picture-metrics.js';
import type { Picture } from '../../../src-main/compare/picture.js';
import { psnr } from '../../../src-main/compare/psnr.js';
import { ssim } from '../../../src-main/compare/ssim.js';

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
        expect(psnr(a, b)).toBe(psnr(b, a));
        expect(ssim(a, b)).toBeCloseTo(ssim(b, a), 12);
        expect(absoluteDifference(a, b)).toEqual(absoluteDifference(b, a));
        expect(psnr(a, b)).toBeGreaterThanOrEqual(0);
        expect(ssim(a, b)).toBeLessThanOrEqual(1 + 1e-12);
        expect(ssim(a, b)).toBeGreaterThanOrEqual(-1 - 1e-12);
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
        expect(psnr(a, a)).toBe(Infinity);
        expect(ssim(a, a)).toBeCloseTo(1, 9);
        expect(absoluteDifference(a, a).identical).toBe(true);
      }),
      { seed: 4, numRuns: 50 },
    );
  });
});
