import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { centredFace } from '../../../../src-main/engine/face/centred.js';
import { drawLandmarks } from '../../../../src-main/engine/face/landmark-drawing.js';
import { detectFaces } from '../../../../src-main/engine/face/scrfd.js';
import { suppressOverlaps, type Detection } from '../../../../src-main/engine/face/suppress-overlaps.js';
import { ARCFACE_TEMPLATE, alignmentMatrix, type Point } from '../../../../src-main/engine/face/umeyama.js';
import { filledImage } from '../../../../src-main/engine/image/rgb-image.js';

const SETTINGS = { seed: 20_261_124, numRuns: 200 };
const side = fc.integer({ min: 1, max: 400 });

const detections = fc
  .array(
    fc.record({
      x: fc.integer({ min: -50, max: 300 }),
      y: fc.integer({ min: -50, max: 300 }),
      width: fc.integer({ min: 0, max: 120 }),
      height: fc.integer({ min: 0, max: 120 }),
      score: fc.double({ min: 0.5, max: 1, noNaN: true }),
    }),
    { maxLength: 30 },
  )
  .map((boxes) =>
    boxes
      .map(({ x, y, width, height, score }): Detection => ({
        box: [x, y, x + width, y + height],
        landmarks: [],
        score,
      }))
      .sort((a, b) => b.score - a.score),
  );

describe('suppressOverlaps', () => {
  it('is idempotent, keeps the best and only drops', () => {
    fc.assert(
      fc.property(detections, (all) => {
        const kept = suppressOverlaps(all, 0.4);
        expect(suppressOverlaps(kept, 0.4)).toEqual(kept);
        expect(kept[0]).toBe(all[0]);
        expect(kept.every((detection) => all.includes(detection))).toBe(true);
      }),
      SETTINGS,
    );
  });
});

describe('detectFaces', () => {
  it('gives boxes inside the picture, in order, for any outputs of the network', async () => {
    await fc.assert(
      fc.asyncProperty(side, side, fc.integer(), async (width, height, seed) => {
        let state = seed >>> 0;
        const next = (): number => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          return state / 2 ** 32;
        };
        const { faces, size } = await detectFaces(filledImage(width, height, 0), (_, input) => {
          const fill = (values: number, range: number, offset: number): Float32Array[] =>
            [8, 16, 32].map((stride) =>
              Float32Array.from({ length: (input / stride) ** 2 * 2 * values }, () => next() * range + offset),
            );
          if (input !== 160) return Promise.resolve([...fill(1, 0, 0), ...fill(4, 0, 0), ...fill(10, 0, 0)]);
          return Promise.resolve([...fill(1, 0.51, 0), ...fill(4, 8, -2), ...fill(10, 8, -4)]);
        });
        expect(size).toBe(faces.length > 0 ? 160 : null);
        for (const { box, landmarks } of faces) {
          expect(box.every((value, i) => value >= 0 && value <= (i % 2 === 0 ? width : height))).toBe(true);
          expect(landmarks).toHaveLength(5);
        }
      }),
      { ...SETTINGS, numRuns: 20 },
    );
  });
});

describe('alignmentMatrix', () => {
  it('takes any turned, scaled and moved template back to the template', () => {
    const range = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(range, range, range, range, (a, b, tx, ty) => {
        fc.pre(a * a + b * b > 1e-3);
        const moved = ARCFACE_TEMPLATE.map(([x, y]): Point => [a * x - b * y + 99 * tx, b * x + a * y + 99 * ty]);
        const [m0, m1, m2, m3, m4, m5] = alignmentMatrix(moved);
        moved.forEach(([x, y], i) => {
          const [templateX, templateY] = ARCFACE_TEMPLATE[i] as Point;
          expect(Math.abs(m0 * x + m1 * y + m2 - templateX)).toBeLessThan(1e-4);
          expect(Math.abs(m3 * x + m4 * y + m5 - templateY)).toBeLessThan(1e-4);
        });
      }),
      SETTINGS,
    );
  });
});

describe('centredFace', () => {
  it('keeps the box in the picture for every size', () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        const { box } = centredFace(width, height, { imageSize: 112, landmarks: ARCFACE_TEMPLATE });
        expect(box[0] >= 0 && box[1] >= 0 && box[2] <= width && box[3] <= height).toBe(true);
        expect(box[0] < box[2] && box[1] < box[3]).toBe(true);
      }),
      SETTINGS,
    );
  });
});

describe('drawLandmarks', () => {
  it('draws any landmarks on any canvas', () => {
    const place = fc.double({ min: -2000, max: 2000, noNaN: true });
    const points = fc.array(fc.tuple(place, place), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(side, side, points, (width, height, landmarks) => {
        const image = drawLandmarks(width, height, landmarks);
        expect(image.data).toHaveLength(width * height * 3);
        expect(image.data.every((level) => level === 0 || level === 153 || level === 255)).toBe(true);
      }),
      SETTINGS,
    );
  });
});
