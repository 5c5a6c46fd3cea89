import { describe, expect, it } from 'vitest';
import { drawLandmarks } from '../../../../src-main/engine/face/landmark-drawing.js';
import { difference, faceFixture, landmarksOf } from './face-fixture.js';

describe('drawLandmarks', () => {
  it.each([0, 1, 2])('equals the reference drawing %i pixel for pixel', (face) => {
    const expected = faceFixture(`draw_kps_${String(face)}`);
    const [height, width] = expected.shape as [number, number];
    const image = drawLandmarks(width, height, landmarksOf(face));
    expect(difference(image.data, expected.data as Uint8Array).count).toBe(0);
  });
});
