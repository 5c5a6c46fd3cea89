import { beforeAll, describe, expect, it } from 'vitest';
import { flipMap, summarizeFlip } from '../../../../src-main/compare/measures/flip.js';
import type { Picture } from '../../../../src-main/compare/measures/picture.js';
import { loadPicture, readFixture, readFloats } from './load-picture.js';

interface Summary {
  mean: number;
  max: number;
  weighted_first_quartile: number;
  weighted_median: number;
  weighted_third_quartile: number;
}
const expected = readFixture('flip.json') as {
  pixels_per_degree: number;
  default: Summary;
  at_30_pixels_per_degree: Summary;
};

/** Measured 1.6e-6 over the map; six times that. */
const MAP_TOLERANCE = 1e-5;

function solid(red: number, green: number, blue: number): Picture {
  return {
    width: 24,
    height: 24,
    data: Uint8Array.from({ length: 24 * 24 * 3 }, (_, i) => [red, green, blue][i % 3] ?? 0),
  };
}

describe('FLIP against the independent float64 implementation', () => {
  let a: Picture;
  let b: Picture;
  beforeAll(async () => {
    [a, b] = await Promise.all([loadPicture('a.png'), loadPicture('b.png')]);
  });

  it('gives the same map', () => {
    const map = flipMap(a, b, expected.pixels_per_degree);
    const reference = readFloats('flip-map.f32');
    expect(map).toHaveLength(reference.length);
    const worst = map.reduce((max, value, i) => Math.max(max, Math.abs(value - (reference[i] ?? NaN))), 0);
    expect(worst).toBeLessThan(MAP_TOLERANCE);
  });

  it.each([
    ['default', expected.default],
    ['at_30_pixels_per_degree', expected.at_30_pixels_per_degree],
  ] as const)('gives the same mean and weighted quartiles: %s', (name, summary) => {
    const found = summarizeFlip(name === 'default' ? flipMap(a, b) : flipMap(a, b, 30));
    expect(found.mean).toBeCloseTo(summary.mean, 6);
    expect(found.max).toBeCloseTo(summary.max, 5);
    // One pixel more or less in a bucket moves a quantile by at most 1e-6 here.
    expect(found.weightedFirstQuartile).toBeCloseTo(summary.weighted_first_quartile, 5);
    expect(found.weightedMedian).toBeCloseTo(summary.weighted_median, 5);
    expect(found.weightedThirdQuartile).toBeCloseTo(summary.weighted_third_quartile, 5);
  });

  it('is zero everywhere for identical pictures', () => {
    expect(summarizeFlip(flipMap(a, a))).toEqual({
      mean: 0,
      max: 0,
      weightedFirstQuartile: 0,
      weightedMedian: 0,
      weightedThirdQuartile: 0,
    });
  });
});

describe('FLIP where the paper gives the value', () => {
  it('is 1 between pure green and pure blue, the farthest colours', () => {
    const map = flipMap(solid(0, 255, 0), solid(0, 0, 255));
    expect(Math.min(...map)).toBeCloseTo(1, 5);
  });

  it('falls when the same pictures are seen from farther away', async () => {
    const [a, b] = await Promise.all([loadPicture('a.png'), loadPicture('b.png')]);
    const near = summarizeFlip(flipMap(a, b, 20)).mean;
    const far = summarizeFlip(flipMap(a, b, 120)).mean;
    expect(far).toBeLessThan(near);
  });
});
