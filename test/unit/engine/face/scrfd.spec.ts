import { describe, expect, it } from 'vitest';
import {
  SCRFD_SIZES,
  decodeScrfd,
  detectFaces,
  noFaceError,
  scrfdInput,
} from '../../../../src-main/engine/face/scrfd.js';
import { filledImage } from '../../../../src-main/engine/image/rgb-image.js';

/** One anchor above the threshold. Distances are in strides. */
interface Hit {
  readonly stride: 8 | 16 | 32;
  readonly row: number;
  readonly column: number;
  readonly anchor: 0 | 1;
  readonly score: number;
  readonly box: readonly [number, number, number, number];
  readonly landmarks?: readonly number[];
}

function outputs(size: number, hits: readonly Hit[]): Float32Array[] {
  const strides = [8, 16, 32] as const;
  const count = (stride: number): number => (size / stride) ** 2 * 2;
  const arrays = [1, 4, 10].flatMap((values) => strides.map((stride) => new Float32Array(count(stride) * values)));
  for (const { stride, row, column, anchor, score, box, landmarks } of hits) {
    const level = strides.indexOf(stride);
    const index = (row * (size / stride) + column) * 2 + anchor;
    arrays[level]?.set([score], index);
    arrays[level + 3]?.set(box, index * 4);
    arrays[level + 6]?.set(landmarks ?? new Array<number>(10).fill(0), index * 10);
  }
  return arrays;
}

const HIT: Hit = {
  stride: 16,
  row: 3,
  column: 4,
  anchor: 1,
  score: 0.75,
  box: [1, 1.5, 2, 2.5],
  landmarks: [-0.5, -0.25, 0.5, -0.25, 0, 0.25, -0.5, 1, 0.5, 1],
};

describe('decodeScrfd', () => {
  it('puts box and landmarks around the cell corner, in picture pixels', () => {
    // Cell (row 3, column 4) of stride 16 has its corner at (64, 48); half size input, so picture pixels are twice that.
    expect(decodeScrfd(outputs(160, [HIT]), 160, 0.5)).toEqual([
      {
        box: [(64 - 16) * 2, (48 - 24) * 2, (64 + 32) * 2, (48 + 40) * 2],
        landmarks: [
          [(64 - 8) * 2, (48 - 4) * 2],
          [(64 + 8) * 2, (48 - 4) * 2],
          [64 * 2, (48 + 4) * 2],
          [(64 - 8) * 2, (48 + 16) * 2],
          [(64 + 8) * 2, (48 + 16) * 2],
        ],
        score: 0.75,
      },
    ]);
  });

  it.each([
    [8, 19, 18, 0, [18 * 8 - 8, 19 * 8 - 8, 18 * 8 + 8, 19 * 8 + 8]],
    [16, 9, 0, 1, [-16, 9 * 16 - 16, 16, 9 * 16 + 16]],
    [32, 0, 4, 0, [4 * 32 - 32, -32, 4 * 32 + 32, 32]],
  ] as const)('reads stride %i at row %i, column %i', (stride, row, column, anchor, box) => {
    const hit: Hit = { stride, row, column, anchor, score: 0.5, box: [1, 1, 1, 1] };
    expect(decodeScrfd(outputs(160, [hit]), 160, 1)[0]?.box).toEqual(box);
  });

  it('takes scores from 0.5 and sorts them across strides', () => {
    const hits: Hit[] = [
      { ...HIT, score: 0.625 },
      { ...HIT, stride: 8, score: 0.875 },
      { ...HIT, stride: 32, row: 0, column: 0, score: 0.5 },
      { ...HIT, row: 0, score: 0.499 },
    ];
    expect(decodeScrfd(outputs(160, hits), 160, 1).map(({ score }) => score)).toEqual([0.875, 0.625, 0.5]);
  });

  it('refuses the outputs of another network', () => {
    expect(() => decodeScrfd(outputs(160, []).slice(0, 6), 160, 1)).toThrow(/800, 200, 50/);
    expect(() => decodeScrfd(outputs(320, []), 160, 1)).toThrow(/size 160; expected 800, 200, 50, 3200/);
  });

  it('refuses positions that are not numbers, where they matter', () => {
    const arrays = outputs(160, [{ ...HIT, box: [NaN, 0, 0, 0] }]);
    expect(() => decodeScrfd(arrays, 160, 1)).toThrow(/not numbers/);
    expect(decodeScrfd(outputs(160, [{ ...HIT, score: NaN }]), 160, 1)).toEqual([]);
  });
});

describe('scrfdInput', () => {
  it.each([
    [100, 200, 80, 160, 0.8],
    [200, 100, 160, 80, 0.8],
    [333, 250, 160, 120, 0.48],
  ])('fits %i x %i into the top left corner as %i x %i', (width, height, fittedWidth, fittedHeight, expectedScale) => {
    const { blob, scale } = scrfdInput(filledImage(width, height, 255), 160);
    expect(scale).toBe(expectedScale);
    expect(blob).toHaveLength(3 * 160 * 160);
    const white = (255 - 127.5) / 128;
    const black = -127.5 / 128;
    const at = (x: number, y: number): number => blob[160 * 160 + y * 160 + x] as number;
    expect(at(fittedWidth - 1, fittedHeight - 1)).toBe(white);
    if (fittedWidth < 160) expect(at(fittedWidth, 0)).toBe(black);
    if (fittedHeight < 160) expect(at(0, fittedHeight)).toBe(black);
  });

  it('has the planes red, green, blue', () => {
    const image = { width: 160, height: 160, data: new Uint8Array(160 * 160 * 3) };
    image.data.set([255, 128, 1], 0);
    const { blob } = scrfdInput(image, 160);
    expect([0, 1, 2].map((plane) => blob[plane * 160 * 160])).toEqual([127.5 / 128, 0.5 / 128, -126.5 / 128]);
  });
});

describe('detectFaces', () => {
  const image = filledImage(320, 320, 90);
  const small: Hit = { ...HIT, row: 0, column: 0, score: 0.9, box: [0, 0, 2, 2] };
  const large: Hit = { ...HIT, row: 8, column: 8, score: 0.6, box: [3, 3, 3, 3] };

  it('tries 640, 320 and 160 and stops at the first face', async () => {
    const tried: number[] = [];
    const result = await detectFaces(image, (_, size) => {
      tried.push(size);
      return Promise.resolve(outputs(size, size === 320 ? [small] : []));
    });
    expect(tried).toEqual([640, 320]);
    expect(result.size).toBe(320);
    expect(result.faces).toHaveLength(1);
  });

  it('reports no face after all sizes', async () => {
    const result = await detectFaces(image, (_, size) => Promise.resolve(outputs(size, [])));
    expect(result).toEqual({ faces: [], size: null });
  });

  it('gives the largest face first, whatever the scores', async () => {
    const { faces } = await detectFaces(image, (_, size) => Promise.resolve(outputs(size, [small, large])));
    expect(faces.map(({ score }) => score)).toEqual([Math.fround(0.6), Math.fround(0.9)]);
  });

  it('of equally large faces takes the one with the lower score, as the reference does', async () => {
    const twin: Hit = { ...small, row: 12, score: 0.8 };
    const { faces } = await detectFaces(image, (_, size) => Promise.resolve(outputs(size, [small, twin])));
    expect(faces.map(({ score }) => score)).toEqual([Math.fround(0.8), Math.fround(0.9)]);
  });

  it('holds boxes to the picture but orders by their full area', async () => {
    const cut: Hit = { ...HIT, row: 0, column: 0, score: 0.7, box: [9, 9, 1, 1] };
    const { faces } = await detectFaces(image, (_, size) => Promise.resolve(outputs(size, [large, cut])));
    expect(faces[0]?.box).toEqual([0, 0, 8, 8]);
  });

  it('stops when cancelled', async () => {
    const run = (): Promise<Float32Array[]> => Promise.reject(new Error('ran'));
    await expect(detectFaces(image, run, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('noFaceError', () => {
  it('names the picture and the sizes tried', () => {
    const error = noFaceError('control');
    expect(error.code).toBe('face.none-found');
    expect(error.message).toMatch(/control \(pose\) picture .*640, 320, 160/);
    expect(noFaceError('identity').message).toMatch(/identity photo/);
    expect(SCRFD_SIZES).toEqual([640, 320, 160]);
  });
});
