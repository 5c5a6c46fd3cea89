import { describe, expect, it } from 'vitest';
import { detectSpill, type StepSample } from '../../../../../src-main/engine/pipeline/run/detect-spill.js';

const GIB = 2 ** 30;
const TOTAL = 8 * GIB;
const FULL = TOTAL - 0.3 * GIB;

/** Steps of so many seconds, on a card of 8 GiB. */
function steps(seconds: readonly number[], usedBytes: number | null = FULL): StepSample[] {
  return seconds.map((value) => ({ seconds: value, usedBytes, totalBytes: TOTAL }));
}

describe('detectSpill', () => {
  it('is told from the second slow step on, with the step where it began', () => {
    const slow = [4, 1, 1.1, 1, 9, 10, 9];
    expect(detectSpill(steps(slow.slice(0, 5)))).toBeNull();
    expect(detectSpill(steps(slow))).toEqual({
      fromStep: 5,
      stepSeconds: 10,
      usualSeconds: 1,
      usedBytes: FULL,
      totalBytes: TOTAL,
    });
  });

  it('is not a laptop that throttles, even with its memory full', () => {
    const throttled = Array.from({ length: 30 }, (_, i) => 1 + Math.min(1.2, i * 0.08));
    expect(detectSpill(steps([3, ...throttled]))).toBeNull();
  });

  it('is not slowness with memory to spare', () => {
    expect(detectSpill(steps([1, 1, 1, 1, 9, 9, 9], 6 * GIB))).toBeNull();
  });

  it('is not one slow step, nor the first step that compiles shaders', () => {
    expect(detectSpill(steps([20, 1, 1, 1, 9, 1, 9, 1, 9, 1]))).toBeNull();
    expect(detectSpill(steps([30, 1, 1, 1, 1]))).toBeNull();
  });

  it('is unknown where the driver tells no memory', () => {
    expect(detectSpill(steps([1, 1, 1, 1, 9, 9, 9], null))).toBeNull();
  });

  it('is seen from the start where earlier runs were faster', () => {
    const always = steps([9, 9, 9, 9]);
    expect(detectSpill(always)).toBeNull();
    expect(detectSpill(always, 1)?.fromStep).toBe(2);
    expect(detectSpill(steps([2, 1.5, 1.5, 1.5]), 1)).toBeNull();
  });

  it('calls a large card full only when less than a twenty-fifth is free', () => {
    const large = (free: number) =>
      [1, 1, 1, 1, 9, 9].map((seconds) => ({ seconds, usedBytes: 24 * GIB - free, totalBytes: 24 * GIB }));
    expect(detectSpill(large(1.2 * GIB))).toBeNull();
    expect(detectSpill(large(0.8 * GIB))?.fromStep).toBe(5);
  });
});
