import { describe, expect, it } from 'vitest';
import { suppressOverlaps, type Detection } from '../../../../src-main/engine/face/suppress-overlaps.js';

function detection(score: number, ...box: [number, number, number, number]): Detection {
  return { box, score, landmarks: [] };
}

describe('suppressOverlaps', () => {
  it('counts both end pixels', () => {
    // 10 x 10 pixels each, shared 4 x 10: 40 / 160 = 0.25. Without the end pixels it would be 3 * 9 / 135 = 0.2.
    const first = detection(0.9, 0, 0, 9, 9);
    const second = detection(0.8, 6, 0, 15, 9);
    expect(suppressOverlaps([first, second], 0.25)).toEqual([first, second]);
    expect(suppressOverlaps([first, second], 0.24)).toEqual([first]);
  });

  it('lets a suppressed detection suppress nothing', () => {
    const [a, b, c] = [detection(0.9, 0, 0, 9, 9), detection(0.8, 4, 0, 13, 9), detection(0.7, 8, 0, 17, 9)];
    expect(suppressOverlaps([a, b, c], 0.4)).toEqual([a, c]);
  });
});
