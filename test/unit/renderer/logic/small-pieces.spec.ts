import { describe, expect, it } from 'vitest';
import { colourAt, colourDistance, hexOf } from '../../../../src-renderer/logic/compare/colour-at';
import { facesSentence, isSmallFace } from '../../../../src-renderer/logic/studio/face-frame';
import { FLICKER_RATES, flickerPeriodMs } from '../../../../src-renderer/logic/compare/flicker';
import { componentName, parametersText } from '../../../../src-renderer/logic/models/pack-text';
import { base64OfDataUrl, checkFileSize, photoName } from '../../../../src-renderer/logic/studio/photo-file';
import { fragmentOf, routeOf, SCREENS } from '../../../../src-renderer/logic/shell/route';
import {
  moveCursor,
  NOTHING_SELECTED,
  selectOnly,
  selectRange,
  toggleItem,
} from '../../../../src-renderer/logic/gallery/selection';

describe('route', () => {
  it('survives the way through the address', () => {
    for (const screen of SCREENS) {
      for (const id of [null, 'c-12_x']) expect(routeOf(fragmentOf({ screen, id }))).toEqual({ screen, id });
    }
  });

  it('is the studio for anything else', () => {
    for (const fragment of ['', '#', '#token=abc', '#/nowhere', '#/compare/../x', '#/compare/a/b']) {
      expect(routeOf(fragment)).toEqual({ screen: 'studio', id: null });
    }
  });
});

describe('colours', () => {
  const pixels = { width: 2, height: 1, data: new Uint8ClampedArray([255, 0, 0, 255, 1, 2, 3, 255]) };

  it('are read by fraction, and not outside', () => {
    expect(colourAt(pixels, 0.49, 0)).toEqual({ r: 255, g: 0, b: 0 });
    expect(colourAt(pixels, 0.5, 0.99)).toEqual({ r: 1, g: 2, b: 3 });
    expect(colourAt(pixels, 1, 0)).toBeNull();
    expect(colourAt(pixels, -0.01, 0)).toBeNull();
  });

  it('have a name and a distance', () => {
    expect(hexOf({ r: 127, g: 163, b: 9 })).toBe('#7fa309');
    expect(colourDistance({ r: 10, g: 20, b: 30 }, { r: 12, g: 5, b: 30 })).toBe(15);
  });
});

describe('flicker', () => {
  it('stays under three flashes a second: a flash is two changes', () => {
    for (const rate of FLICKER_RATES) expect(1000 / (2 * flickerPeriodMs(rate))).toBeLessThan(3);
  });
});

describe('faces', () => {
  const face = (width: number) => ({
    box: [0, 0, width, width] as [number, number, number, number],
    landmarks: [],
    score: 1,
  });
  const found = (faces: number, detector = 'scrfd 640') => ({
    width: 512,
    height: 512,
    faces: Array.from({ length: faces }, () => face(150)),
    detector,
  });

  it('are put in words', () => {
    expect(facesSentence(found(0), 0)).toContain('No face was found');
    expect(facesSentence(found(1), 0)).toBe('One face found, 150 px wide.');
    expect(facesSentence(found(3), 1)).toBe('3 faces found; face 2 is used, 150 px wide.');
    expect(facesSentence(found(1, 'centred'), 0)).toContain('no face detector');
  });

  it('are small below what the face network reads', () => {
    expect(isSmallFace(face(111))).toBe(true);
    expect(isSmallFace(face(112))).toBe(false);
  });
});

describe('files', () => {
  it('give photos a name', () => {
    expect(photoName('Anna in Oslo.jpeg')).toBe('Anna in Oslo');
    expect(photoName('.png')).toBe('Photo');
    expect(photoName('x'.repeat(300))).toHaveLength(120);
  });

  it('are refused when empty or too large, with a remedy', () => {
    expect(() => checkFileSize('a.png', 0)).toThrow('is empty');
    expect(() => checkFileSize('a.png', 40 * 2 ** 20)).toThrow('The file a.png has 40 MiB; the limit is 32 MiB.');
    expect(() => checkFileSize('a.png', 1000)).not.toThrow();
  });

  it('lose the head of their data URL', () => {
    expect(base64OfDataUrl('data:image/png;base64,iVBORw==')).toBe('iVBORw==');
  });
});

describe('packs', () => {
  it('have parts with names', () => {
    expect(componentName('infusenet/aes_stage2')).toBe('InfuseNet aes_stage2');
    expect(componentName('something')).toBe('something');
    expect([0, 60_000, 345e6, 11.9e9].map(parametersText)).toEqual(['–', '0.06 M', '345 M', '11.9 B']);
  });
});

describe('selection', () => {
  it('keeps the anchor of a range while the range moves', () => {
    let selection = selectOnly('b', 1);
    selection = selectRange(selection, 3, ['b', 'c', 'd']);
    selection = selectRange(selection, 0, ['a', 'b']);
    expect(selection).toEqual({ ids: new Set(['a', 'b']), anchor: 1, cursor: 0 });
  });

  it('toggles, moves without choosing, and starts empty', () => {
    const one = toggleItem(NOTHING_SELECTED, 'a', 0);
    expect([...toggleItem(one, 'a', 0).ids]).toEqual([]);
    expect(moveCursor(one, 5)).toEqual({ ids: new Set(['a']), anchor: 0, cursor: 5 });
    expect(NOTHING_SELECTED.ids.size).toBe(0);
  });
});
