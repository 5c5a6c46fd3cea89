import { describe, expect, it } from 'vitest';
import { fitLatentRgbFactors, previewFromLatents } from '../../../../src-main/engine/image/latent-preview.js';
import type { LatentRgbFactors } from '../../../../src-main/engine/image/latent-preview.js';
import type { RgbImage } from '../../../../src-main/engine/image/rgb-image.js';

/** Values in [-1, 1) from a small congruential generator. */
function* values(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 31 - 1;
  }
}

const C = 16;
const h = 12;
const w = 9;
const source = values(7);
const next = (): number => source.next().value;
const truth: LatentRgbFactors = {
  weights: Array.from({ length: C }, () => [next() * 0.08, next() * 0.08, next() * 0.08] as const),
  bias: [0.5, 0.45, 0.55],
};
const latents = Float32Array.from({ length: C * h * w }, next);

describe('previewFromLatents', () => {
  it('adds the weighted channels to the bias and holds the levels', () => {
    const factors: LatentRgbFactors = {
      weights: [
        [0.1, 0, 2],
        [0, 0.2, 0],
      ],
      bias: [0.2, 0.4, 0.6],
    };
    const image = previewFromLatents(Float32Array.from([1, -2, 2, 3]), 1, 2, factors);
    expect(image).toMatchObject({ width: 2, height: 1 });
    expect(Array.from(image.data)).toEqual([77, 204, 255, 0, 255, 0]);
  });

  it('refuses latents with another number of channels', () => {
    expect(() => previewFromLatents(new Float32Array(10), 1, 2, truth)).toThrow(/16 channels/);
  });
});

describe('fitLatentRgbFactors', () => {
  it('finds the factors that made a picture, up to its 8-bit rounding', () => {
    const image = previewFromLatents(latents, h, w, truth);
    const found = fitLatentRgbFactors([{ latents, latentHeight: h, latentWidth: w, image }]);
    found.weights.forEach((row, channel) =>
      row.forEach((weight, c) => {
        expect(Math.abs(weight - (truth.weights[channel]?.[c] as number))).toBeLessThan(0.002);
      }),
    );
    const again = previewFromLatents(latents, h, w, found);
    const worst = again.data.reduce((most, level, i) => Math.max(most, Math.abs(level - (image.data[i] as number))), 0);
    expect(worst).toBeLessThanOrEqual(1);
  });

  it('compares a position with the mean of its pixels', () => {
    const small = previewFromLatents(latents, h, w, truth);
    const image = enlarge(small, 8);
    const pair = { latents, latentHeight: h, latentWidth: w };
    const fromLarge = fitLatentRgbFactors([{ ...pair, image }]);
    const fromSmall = fitLatentRgbFactors([{ ...pair, image: small }]);
    fromLarge.bias.forEach((level, c) => {
      expect(level).toBeCloseTo(fromSmall.bias[c] as number, 10);
    });
  });

  it('copes with channels that are constant or equal', () => {
    const flat = latents.slice();
    flat.copyWithin(0, h * w, 2 * h * w);
    flat.fill(0, 3 * h * w, 4 * h * w);
    const image = previewFromLatents(flat, h, w, truth);
    const found = fitLatentRgbFactors([{ latents: flat, latentHeight: h, latentWidth: w, image }]);
    expect(found.weights.flat().every((weight) => Math.abs(weight) < 1)).toBe(true);
  });

  it('refuses latents that are not finite', () => {
    const bad = latents.slice();
    bad[5] = NaN;
    const image = previewFromLatents(latents, h, w, truth);
    expect(() => fitLatentRgbFactors([{ latents: bad, latentHeight: h, latentWidth: w, image }])).toThrow(/NaN/);
  });
});

function enlarge(image: RgbImage, scale: number): RgbImage {
  const width = image.width * scale;
  const height = image.height * scale;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (Math.floor(y / scale) * image.width + Math.floor(x / scale)) * 3;
      data.set(image.data.subarray(at, at + 3), (y * width + x) * 3);
    }
  }
  return { width, height, data };
}
