import { describe, expect, it } from 'vitest';
import { bilinearResize } from '../../../../src-main/engine/image/bilinear-resize.js';
import { lanczosResize } from '../../../../src-main/engine/image/lanczos-resize.js';
import { FACE_PIXELS, digest, noisePicture } from '../face/pixel-fixture.js';

describe('lanczosResize', () => {
  it('equals Pillow bit for bit', () => {
    for (const { source, seed, target, lanczos } of FACE_PIXELS.resizes) {
      expect(digest(lanczosResize(noisePicture(...source, seed), ...target)), `${source} to ${target}`).toBe(lanczos);
    }
  });

  it('leaves a picture of the right size alone', () => {
    const image = noisePicture(7, 5, 1);
    expect(lanczosResize(image, 7, 5)).toBe(image);
  });

  it('refuses sizes that are not whole pixels', () => {
    expect(() => lanczosResize(noisePicture(7, 5, 1), 0, 5)).toThrow(/whole pixels/);
  });
});

describe('bilinearResize', () => {
  it('equals OpenCV bit for bit', () => {
    for (const { source, seed, target, bilinear } of FACE_PIXELS.resizes) {
      expect(digest(bilinearResize(noisePicture(...source, seed), ...target)), `${source} to ${target}`).toBe(bilinear);
    }
  });
});
