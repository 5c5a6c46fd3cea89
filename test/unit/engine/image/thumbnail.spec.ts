import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../../src-main/engine/image/read-image.js';
import { filledImage } from '../../../../src-main/engine/image/rgb-image.js';
import { makeThumbnail } from '../../../../src-main/engine/image/thumbnail.js';

describe('makeThumbnail', () => {
  it.each([
    [300, 200, 150, 100],
    [200, 400, 75, 150],
    [40, 30, 40, 30],
  ])('fits %i x %i into 150 as %i x %i', async (width, height, expectedWidth, expectedHeight) => {
    const small = await decodeImage(await makeThumbnail(filledImage(width, height, 90), 150), 'thumb.webp');
    expect(small).toMatchObject({ width: expectedWidth, height: expectedHeight });
    expect(Math.abs((small.data[0] as number) - 90)).toBeLessThanOrEqual(1);
  });
});
