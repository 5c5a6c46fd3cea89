import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absoluteDifference } from '../../../src-main/compare/difference.js';
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
