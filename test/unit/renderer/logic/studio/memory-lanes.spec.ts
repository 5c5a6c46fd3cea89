import { describe, expect, it } from 'vitest';
import type { VariantEstimate } from '../../../../../src-main/contract/pack';
import { figureBytes, memoryLanes } from '../../../../../src-renderer/logic/studio/memory-lanes';

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

describe('figureBytes', () => {
  it('shows free memory unless that would hide the bars', () => {
    expect(figureBytes([estimate(68)], 100)).toBeCloseTo(104, 10);
    expect(figureBytes([estimate(68)], 10)).toBeCloseTo(68 * 1.04, 10);
    expect(figureBytes([estimate(68)], 1e6)).toBeCloseTo(68 * 1.04, 10);
    expect(figureBytes([], null)).toBeGreaterThan(0);
  });
});
