import { describe, expect, it } from 'vitest';
import { sheetShape } from '../../../../src-renderer/logic/contact-sheet';

describe('sheetShape', () => {
  it('lays pictures out at full size with room for captions', () => {
    const shape = sheetShape(5, { width: 256, height: 256 });
    expect(shape.picture).toEqual({ width: 256, height: 256 });
    expect(shape.cells).toHaveLength(5);
    for (const { x, y } of shape.cells) {
      expect(x + 256).toBeLessThanOrEqual(shape.width);
      expect(y + 256 + shape.captionHeight).toBeLessThanOrEqual(shape.height);
    }
    expect(new Set(shape.cells.map(({ x, y }) => `${x} ${y}`)).size).toBe(5);
  });

  it('stays within what a canvas can be', () => {
    const shape = sheetShape(125, { width: 2048, height: 2048 });
    expect(Math.max(shape.width, shape.height)).toBeLessThanOrEqual(16_384);
    expect(shape.picture.width).toBe(shape.picture.height);
  });
});
