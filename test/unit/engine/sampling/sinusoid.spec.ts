import { describe, expect, it } from 'vitest';
import { embeddedGuidance, embeddedTimestep, sinusoid } from '../../../../src-main/engine/sampling/sinusoid.js';

describe('embeddedTimestep', () => {
  it('reaches a bf16 network as in the pipeline reference, section 2.3', () => {
    const timesteps = [1000, 988.817, 977.109, 964.839, 951.965, 938.441];
    expect(timesteps.map((timestep) => embeddedTimestep(timestep, 'bf16'))).toEqual([1000, 988, 976, 964, 952, 940]);
  });

  it('keeps a float32 timestep to within the two roundings', () => {
    expect(embeddedTimestep(1000)).toBe(1000);
    expect(Math.abs(embeddedTimestep(826.25885) - 826.25885)).toBeLessThanOrEqual(1.3e-4);
  });
});

describe('embeddedGuidance', () => {
  it('is 3504 for 3.5 in bf16, 3500 in float32', () => {
    expect(embeddedGuidance(3.5, 'bf16')).toBe(3504);
    expect(embeddedGuidance(3.5)).toBe(3500);
    expect(embeddedGuidance(1, 'bf16')).toBe(1000);
  });
});

describe('sinusoid', () => {
  it('is all ones, then all zeros, at zero', () => {
    expect([...sinusoid(0)]).toEqual([...Array<number>(128).fill(1), ...Array<number>(128).fill(0)]);
  });

  it('has cosines first and frequencies 10000^(-j/128)', () => {
    const embedding = sinusoid(500);
    expect(embedding).toHaveLength(256);
    for (let j = 0; j < 128; j++) {
      const angle = 500 * 10_000 ** (-j / 128);
      // A float32 angle of 500 is exact to 3e-5.
      expect(Math.abs((embedding[j] as number) - Math.cos(angle))).toBeLessThanOrEqual(6e-5);
      expect(Math.abs((embedding[128 + j] as number) - Math.sin(angle))).toBeLessThanOrEqual(6e-5);
    }
  });
});
