import { describe, expect, it } from 'vitest';
import {
  gridShape,
  itemAfterKey,
  scrollToShow,
  visibleItems,
} from '../../../../../src-renderer/logic/gallery/virtual-grid';

const shape = gridShape(1000, 180, 12, 42, 25_000);

describe('gridShape', () => {
  it('fills the line with as many tiles as fit', () => {
    expect(shape).toEqual({ columns: 5, tile: 190, rowHeight: 244, rows: 5000, height: 5000 * 244 - 12 });
  });

  it('has one column at least, and no rows without items', () => {
    expect(gridShape(50, 180, 12, 42, 3).columns).toBe(1);
    expect(gridShape(1000, 180, 12, 42, 0).height).toBe(0);
  });
});

describe('visibleItems', () => {
  it('covers the view and the rows around it, from the first to the last item', () => {
    expect(visibleItems(shape, 25_000, 0, 700, 2)).toEqual({ first: 0, end: 25 });
    expect(visibleItems(shape, 25_000, 244 * 100, 700, 2)).toEqual({ first: 490, end: 525 });
    expect(visibleItems(shape, 25_000, 1e9, 700, 2).end).toBe(25_000);
  });

  it('leaves out nothing that is on the screen at any scroll position', () => {
    for (let scrollTop = 0; scrollTop < 5000; scrollTop += 37) {
      const { first, end } = visibleItems(shape, 25_000, scrollTop, 700, 0);
      expect(Math.floor(first / 5) * 244).toBeLessThanOrEqual(scrollTop);
      expect(Math.ceil(end / 5) * 244).toBeGreaterThanOrEqual(scrollTop + 700);
    }
  });
});

describe('scrollToShow', () => {
  it('moves as little as possible', () => {
    expect(scrollToShow(shape, 7, 0, 700)).toBe(0);
    expect(scrollToShow(shape, 20, 0, 700)).toBe(5 * 244 - 700);
    expect(scrollToShow(shape, 7, 2000, 700)).toBe(244);
  });
});

describe('itemAfterKey', () => {
  const after = (key: string, index: number): number | null => itemAfterKey(key, index, shape, 23, 500);

  it('moves by one, by a row and by a page, and stays inside', () => {
    expect(after('ArrowRight', 4)).toBe(5);
    expect(after('ArrowLeft', 0)).toBe(0);
    expect(after('ArrowDown', 4)).toBe(9);
    expect(after('ArrowUp', 4)).toBe(4);
    expect(after('ArrowDown', 22)).toBe(22);
    expect(after('PageDown', 0)).toBe(10);
    expect(after('PageDown', 20)).toBe(22);
    expect(after('Home', 9)).toBe(0);
    expect(after('End', 9)).toBe(22);
    expect(after('a', 9)).toBeNull();
  });
});
