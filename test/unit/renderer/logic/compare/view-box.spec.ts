import { describe, expect, it } from 'vitest';
import {
  bestColumns,
  faceRegion,
  MAX_SCALE,
  panBy,
  placeView,
  scaleTo,
  toPicture,
  WHOLE,
  zoomAt,
  type View,
} from '../../../../../src-renderer/logic/compare/view-box';

const picture = { width: 200, height: 100 };
const pane = { width: 400, height: 400 };

describe('placeView', () => {
  it('fits the whole picture and centres it', () => {
    expect(placeView(WHOLE, picture, pane)).toEqual({ scale: 2, left: 0, top: 100 });
  });

  it('fits a region and keeps the picture over the pane', () => {
    const view: View = { kind: 'region', region: { x0: 0, y0: 0, x1: 0.25, y1: 0.5 } };
    // 50×50 picture pixels fill 400×400: eight times; the corner cannot be centred without leaving the pane empty.
    expect(placeView(view, picture, pane)).toEqual({ scale: 8, left: 0, top: 0 });
  });

  it('never leaves the pane emptier than it must', () => {
    const view: View = { kind: 'scale', scale: 4, centre: { x: 2, y: 0.5 } };
    expect(placeView(view, picture, pane)).toEqual({ scale: 4, left: -400, top: 0 });
  });

  it('fits again when the pane changes, and keeps a magnification when it is one', () => {
    const small = { width: 100, height: 100 };
    expect(placeView(WHOLE, picture, small).scale).toBe(0.5);
    const view: View = { kind: 'scale', scale: 3, centre: { x: 0.5, y: 0.5 } };
    expect(placeView(view, picture, small)).toEqual({ scale: 3, left: -250, top: -100 });
  });
});

describe('zoomAt', () => {
  it('holds the picture point under the pointer', () => {
    const anchor = { x: 130, y: 210 };
    let view: View = WHOLE;
    for (const factor of [2, 1.5, 3]) {
      const before = toPicture(placeView(view, picture, pane), picture, anchor);
      view = zoomAt(view, picture, pane, factor, anchor);
      const after = toPicture(placeView(view, picture, pane), picture, anchor);
      expect(after.x).toBeCloseTo(before.x, 6);
      // Vertically the picture is smaller than the pane at first and so stays centred.
      if (factor !== 2) expect(after.y).toBeCloseTo(before.y, 6);
    }
  });

  it('gives the whole picture when zoomed out past it', () => {
    const view = zoomAt(WHOLE, picture, pane, 2, { x: 0, y: 0 });
    expect(zoomAt(view, picture, pane, 0.1, { x: 300, y: 300 })).toBe(WHOLE);
  });

  it('stops at the largest magnification', () => {
    const view = zoomAt(WHOLE, picture, pane, 1e6, { x: 200, y: 200 });
    expect(placeView(view, picture, pane).scale).toBe(MAX_SCALE);
  });
});

describe('panBy', () => {
  it('moves with the hand and stops at the edge', () => {
    const view = scaleTo(WHOLE, picture, pane, 4);
    const moved = panBy(view, picture, pane, -50, 0);
    expect(placeView(moved, picture, pane).left).toBe(placeView(view, picture, pane).left - 50);
    const far = panBy(moved, picture, pane, -1e5, 0);
    expect(placeView(far, picture, pane).left).toBe(-400);
    // Back by ten, not by all the distance the hand went past the edge.
    expect(placeView(panBy(far, picture, pane, 10, 0), picture, pane).left).toBe(-390);
  });

  it('keeps a fitted view fitted', () => {
    expect(panBy(WHOLE, picture, pane, 30, 30)).toBe(WHOLE);
  });
});

describe('faceRegion', () => {
  it('widens the box and stays inside the picture', () => {
    expect(faceRegion([10, 10, 110, 60], picture, 0.1)).toEqual({ x0: 0, y0: 0.05, x1: 0.6, y1: 0.65 });
  });
});

describe('bestColumns', () => {
  it.each([
    [1, { width: 800, height: 600 }, 1],
    [2, { width: 800, height: 400 }, 2],
    [2, { width: 400, height: 900 }, 1],
    [9, { width: 900, height: 900 }, 3],
    [5, { width: 1300, height: 540 }, 3],
  ])('%s squares in %o stand in %s columns', (count, stage, columns) => {
    expect(bestColumns(count, { width: 100, height: 100 }, stage, 6)).toBe(columns);
  });
});
