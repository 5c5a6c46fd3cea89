import { describe, expect, it } from 'vitest';
import { ARCFACE_TEMPLATE, alignmentMatrix } from '../../../../src-main/engine/face/umeyama.js';
import type { Point } from '../../../../src-main/engine/face/umeyama.js';
import { faceFixture, landmarksOf } from './face-fixture.js';

describe('alignmentMatrix', () => {
  it('equals the reference alignment matrices', () => {
    const expected = faceFixture('norm_matrix').data;
    for (let face = 0; face < 6; face++) {
      alignmentMatrix(landmarksOf(face)).forEach((value, i) => {
        expect(Math.abs(value - Number(expected[face * 6 + i]))).toBeLessThan(1e-12);
      });
    }
  });

  it('undoes a known similarity', () => {
    const [a, b] = [1.5 * Math.cos(0.7), 1.5 * Math.sin(0.7)];
    const moved = ARCFACE_TEMPLATE.map(([x, y]): Point => [a * x - b * y + 31, b * x + a * y - 12]);
    const [m0, m1, m2, m3, m4, m5] = alignmentMatrix(moved);
    moved.forEach(([x, y], i) => {
      const [templateX, templateY] = ARCFACE_TEMPLATE[i] as Point;
      expect(m0 * x + m1 * y + m2).toBeCloseTo(templateX, 4);
      expect(m3 * x + m4 * y + m5).toBeCloseTo(templateY, 4);
    });
  });

  it('never mirrors', () => {
    const [a, minusB, , b, d] = alignmentMatrix(ARCFACE_TEMPLATE.map(([x, y]): Point => [-x, y]));
    expect(a * d - minusB * b).toBeGreaterThan(0);
  });

  it('refuses landmarks that coincide or are not numbers', () => {
    expect(() => alignmentMatrix(Array<Point>(5).fill([3, 4]))).toThrow(/do not form a face/);
    expect(() => alignmentMatrix(Array<Point>(5).fill([NaN, 4]))).toThrow(/do not form a face/);
  });
});
