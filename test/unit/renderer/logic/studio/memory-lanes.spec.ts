import { describe, expect, it } from 'vitest';
import type { VariantEstimate } from '../../../../../src-main/contract/pack';
import {
  figureBytes,
  memoryLanes,
  memorySentence,
  usableBytes,
} from '../../../../../src-renderer/logic/studio/memory-lanes';

function estimate(peakBytes: number): VariantEstimate {
  return {
    formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
    parts: { flux: 50, t5: 20, infusenet: 10, vae: 5, clip: 2, activations: 8, runtime: 0 },
    loadBytes: 60,
    peakBytes,
    streamedBytes: 0,
    fit: 'fits',

    alternative: null,
  };
}

describe('memoryLanes', () => {
  it('has a lane for each stage, the parts in their order', () => {
    const lanes = memoryLanes(estimate(68), 100);
    expect(lanes.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['Text', 22],
      ['Denoise', 68],
      ['Decode', 5],
    ]);
    expect(lanes[1]?.segments).toEqual([
      { part: 'flux', bytes: 50, width: 0.5 },
      { part: 'infusenet', bytes: 10, width: 0.1 },
      { part: 'activations', bytes: 8, width: 0.08 },
    ]);
  });

  it('gives the rest of a peak that no other stage reaches to the decoder', () => {
    const decode = memoryLanes(estimate(90), 100)[2];
    expect(decode?.bytes).toBe(90);
    expect(decode?.segments.map(({ part }) => part)).toEqual(['vae', 'activations']);
  });

  it('always has a longest lane as long as the peak', () => {
    for (const peak of [68, 70, 200]) {
      expect(Math.max(...memoryLanes(estimate(peak), 1).map(({ bytes }) => bytes))).toBe(peak);
    }
  });
});

const GIB = 2 ** 30;
const free = (freeBytes: number | null, limitBytes: number | null = null) => ({ freeBytes, limitBytes });

describe('figureBytes', () => {
  it('shows free memory unless that would hide the bars', () => {
    expect(figureBytes([estimate(68)], free(100))).toBeCloseTo(104, 10);
    expect(figureBytes([estimate(68)], free(10))).toBeCloseTo(68 * 1.04, 10);
    expect(figureBytes([estimate(68)], free(1e6))).toBeCloseTo(68 * 1.04, 10);
    expect(figureBytes([], free(null))).toBeGreaterThan(0);
  });

  it('shows the limit where that is less', () => {
    expect(usableBytes(free(100, 80))).toBe(80);
    expect(usableBytes(free(60, 80))).toBe(60);
    expect(usableBytes(free(null, 80))).toBe(80);
    expect(usableBytes(free(null))).toBeNull();
    expect(figureBytes([estimate(68)], free(1e6, 80))).toBeCloseTo(80 * 1.04, 10);
  });
});

describe('memorySentence', () => {
  const streamed = { ...estimate(7.9 * GIB), streamedBytes: 14.9 * GIB };

  it('says what is streamed, and nothing of it where all is held', () => {
    expect(memorySentence(streamed, free(80 * GIB, 8 * GIB))).toBe(
      'Needs 7.90 GiB at its peak; 80.0 GiB are free. Streams 14.9 GiB in every step.',
    );
    expect(memorySentence(estimate(7.9 * GIB), free(80 * GIB))).toBe('Needs 7.90 GiB at its peak; 80.0 GiB are free.');
  });

  it('says that a limit is too low, also where free memory is unknown', () => {
    for (const room of [free(80 * GIB, 2 * GIB), free(null, 2 * GIB)]) {
      expect(memorySentence({ ...streamed, fit: 'too-big' }, room)).toContain(
        'Needs 7.90 GiB at its peak, more than the limit of 2.00 GiB.',
      );
    }
  });
});
