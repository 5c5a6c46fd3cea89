import { describe, expect, it } from 'vitest';
import { median, stepMedian } from '../../../../src-main/compare/statistics/medians.js';
import { phaseDeltas, phaseFigures, type MeasuredPhase } from '../../../../src-main/compare/report/phase-figures.js';

const measured = (
  phase: MeasuredPhase['phase'],
  devicePeakBytes: number | null,
  hostPeakBytes: number,
  seconds: number,
  weightBytes = 1,
): MeasuredPhase => ({ phase, devicePeakBytes, hostPeakBytes, seconds, weightBytes });

describe('phaseFigures', () => {
  it('takes medians over pictures, of the device where it was read', () => {
    const run = (peak: number, seconds: number) => [
      measured('denoise', peak, 7, seconds),
      measured('decode', null, 5, 1),
    ];
    expect(phaseFigures([run(10, 3), run(30, 1), run(20, 2)])).toEqual([
      { phase: 'text', peakBytes: null, seconds: null },
      { phase: 'load', peakBytes: null, seconds: null },
      { phase: 'denoise', peakBytes: 20, seconds: 2 },
      { phase: 'decode', peakBytes: 5, seconds: 1 },
    ]);
  });

  it('leaves a text out that was encoded for an earlier picture', () => {
    const first = [measured('text', 9, 9, 4)];
    const next = [measured('text', 2, 2, 0.001, 0)];
    expect(phaseFigures([first, next, next])[0]).toEqual({ phase: 'text', peakBytes: 9, seconds: 4 });
    expect(phaseFigures([next])[0]).toEqual({ phase: 'text', peakBytes: null, seconds: null });
  });
});

describe('phaseDeltas', () => {
  it('are against the same phase, and unknown where either is', () => {
    const own = phaseFigures([[measured('load', 10, 0, 1), measured('denoise', 12, 0, 1)]]);
    const base = phaseFigures([[measured('denoise', 20, 0, 1), measured('decode', 3, 0, 1)]]);
    expect(phaseDeltas(own, base)).toEqual([null, null, -8, null]);
  });
});

describe('stepMedian', () => {
  it('leaves the first step out, which warms up, unless it is the only one', () => {
    expect(stepMedian([9, 1, 3, 2])).toBe(2);
    expect(stepMedian([9, 1, 2])).toBe(1.5);
    expect(stepMedian([9])).toBe(9);
    expect(stepMedian([])).toBeNull();
    expect(median([3, 1, 2])).toBe(2);
  });
});
