import { describe, expect, it } from 'vitest';
import { ChannelSums, copyRows, cutRows } from '../../../../../src-main/engine/pipeline/decode/tile-rows.js';

describe('cutRows', () => {
  it('reads rows beyond its own on both sides, moved inwards at the edges', () => {
    expect(cutRows(20, 8, 2)).toEqual([
      { start: 0, rows: 11, from: 0, to: 7 },
      { start: 5, rows: 11, from: 7, to: 14 },
      { start: 9, rows: 11, from: 14, to: 20 },
    ]);
  });

  it('makes one tile of what fits', () => {
    expect(cutRows(10, 64, 2)).toEqual([{ start: 0, rows: 10, from: 0, to: 10 }]);
  });

  it('covers every height once, each cut at least the halo away from what a tile does not read', () => {
    for (let height = 1; height <= 23; height++) {
      for (let own = 1; own <= 9; own += 2) {
        const tiles = cutRows(height, own, 2);
        expect(tiles.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual(
          Array.from({ length: height }, (_, i) => i),
        );
        for (const { start, rows, from, to } of tiles) {
          expect(rows).toBe(tiles[0]?.rows);
          expect(start === 0 || from - start >= 2).toBe(true);
          expect(start + rows === height || start + rows - to >= 2).toBe(true);
          expect(start).toBeGreaterThanOrEqual(0);
        }
      }
    }
  });
});

describe('copyRows', () => {
  it('takes rows of every channel into a map of another height', () => {
    const source = Float32Array.from({ length: 2 * 3 * 2 }, (_, i) => i);
    const target = new Float32Array(2 * 2 * 2);
    copyRows({ data: source, height: 3, start: 1 }, { data: target, height: 2, start: 0 }, 2, 2);
    expect([...target]).toEqual([2, 3, 4, 5, 8, 9, 10, 11]);
  });
});

describe('ChannelSums', () => {
  it("gives a group's mean and 1/√(variance + ε) over all tiles, own rows only", () => {
    const sums = new ChannelSums(2);
    // Two channels of one group, rows of one value: 1, 2 | 3, 4, with a foreign row before each channel's own.
    sums.add(Float32Array.of(100, 1, 100, 3), Float32Array.of(1e4, 1, 1e4, 9), 2, 1, 2);
    sums.add(Float32Array.of(2, 4), Float32Array.of(4, 16), 1, 0, 1);
    const { mean, scale } = sums.statistics(1, 2, 1e-6);
    expect([...mean]).toEqual([2.5, 2.5]);
    expect(scale[0]).toBeCloseTo(1 / Math.sqrt(1.25 + 1e-6), 6);
    expect(scale[1]).toBe(scale[0]);
  });

  it('keeps groups apart', () => {
    const sums = new ChannelSums(2);
    sums.add(Float32Array.of(2, 8), Float32Array.of(4, 64), 1, 0, 1);
    expect([...sums.statistics(2, 1, 1).mean]).toEqual([2, 8]);
    expect([...sums.statistics(2, 1, 1).scale]).toEqual([1, 1]);
  });
});
