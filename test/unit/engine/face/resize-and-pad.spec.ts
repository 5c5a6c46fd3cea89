import { describe, expect, it } from 'vitest';
import { resizeAndPad } from '../../../../src-main/engine/face/resize-and-pad.js';
import { filledImage } from '../../../../src-main/engine/image/rgb-image.js';
import { astronaut, difference, faceFixture, leftPart } from './face-fixture.js';

describe('resizeAndPad', () => {
  // The reference pictures were made from the left 400 columns of the photograph.
  it.each([
    [432, 576],
    [512, 512],
    [576, 432],
  ])('equals the reference at %i x %i', async (width, height) => {
    const image = resizeAndPad(leftPart(await astronaut(), 400), width, height);
    const expected = faceFixture(`resize_pad_${String(width)}x${String(height)}`);
    expect([image.height, image.width, 3]).toEqual(expected.shape);
    expect(difference(image.data, expected.data as Uint8Array)).toEqual({ mean: 0, max: 0, count: 0 });
  });

  it.each([
    [600, 1],
    [1, 600],
  ])('says that a strip of %i x %i cannot be fitted', (width, height) => {
    expect(() => resizeAndPad(filledImage(width, height, 0), 512, 512)).toThrow(/too narrow .* 512 x 512/);
  });
});
