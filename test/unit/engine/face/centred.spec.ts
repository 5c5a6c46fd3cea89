import { describe, expect, it } from 'vitest';
import { centredFace } from '../../../../src-main/engine/face/centred.js';
import { ARCFACE_TEMPLATE } from '../../../../src-main/engine/face/umeyama.js';
import { cropFace } from '../../../../src-main/engine/face/warp-affine.js';
import { difference } from './face-fixture.js';
import { noisePicture } from './pixel-fixture.js';

const layout = { imageSize: 112, landmarks: ARCFACE_TEMPLATE };

describe('centredFace', () => {
  it('gives the pack’s own landmarks for a picture of the pack’s size', () => {
    const face = centredFace(112, 112, layout);
    expect(face.landmarks).toEqual(ARCFACE_TEMPLATE);
    expect(face.score).toBe(1);
    face.box.forEach((value, i) => {
      expect(value).toBeCloseTo([0, 0, 112, 112][i] as number, 3);
    });
    const image = noisePicture(112, 112, 3);
    const bgr = cropFace(image, face.landmarks);
    const swapped = image.data.map((_, i) => image.data[i - (i % 3) + 2 - (i % 3)] as number);
    expect(difference(bgr, swapped).max).toBeLessThanOrEqual(1);
  });

  it.each([
    [300, 224, 38, 0],
    [224, 300, 0, 38],
  ])('centres a square in %i x %i and scales with it', (width, height, left, top) => {
    const face = centredFace(width, height, layout);
    face.landmarks.forEach(([x, y], i) => {
      const [templateX, templateY] = ARCFACE_TEMPLATE[i] as readonly [number, number];
      expect(x).toBeCloseTo((templateX + 0.5) * 2 - 0.5 + left, 9);
      expect(y).toBeCloseTo((templateY + 0.5) * 2 - 0.5 + top, 9);
    });
    expect(face.box[0]).toBeGreaterThanOrEqual(left - 1);
    expect(face.box[3]).toBeLessThanOrEqual(top + 225);
  });

  it('refuses landmarks that coincide', () => {
    const landmarks = ARCFACE_TEMPLATE.map(() => [5, 5] as const);
    expect(() => centredFace(112, 112, { imageSize: 112, landmarks })).toThrow(/do not form a face/);
  });
});
