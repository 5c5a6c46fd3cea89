import { describe, expect, it } from 'vitest';
import { drawLandmarks } from '../../../../src-main/engine/face/landmark-drawing.js';
import { difference, faceFixture, landmarksOf } from './face-fixture.js';
import { FACE_PIXELS, digest } from './pixel-fixture.js';

describe('drawLandmarks', () => {
  it.each([0, 1, 2])('equals the reference drawing %i pixel for pixel', (face) => {
    const expected = faceFixture(`draw_kps_${String(face)}`);
    const [height, width] = expected.shape as [number, number];
    const image = drawLandmarks(width, height, landmarksOf(face));
    expect(difference(image.data, expected.data as Uint8Array).count).toBe(0);
  });

  it('equals OpenCV for faces of all sizes, on the canvas, across its edge and beyond', () => {
    FACE_PIXELS.drawings.forEach(({ width, height, landmarks, sha256 }, i) => {
      expect(digest(drawLandmarks(width, height, landmarks)), `drawing ${String(i)}`).toBe(sha256);
    });
  });
});
