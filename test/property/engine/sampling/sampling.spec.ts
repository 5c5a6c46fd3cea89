import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepFactors, residualIndex } from '../../../../src-main/engine/sampling/gating.js';
import { packLatents, unpackLatents } from '../../../../src-main/engine/sampling/latents.js';
import { drawNoise } from '../../../../src-main/engine/sampling/noise.js';
import { ropeTables } from '../../../../src-main/engine/sampling/rope.js';
import { buildSchedule, parseSchedulerConfig } from '../../../../src-main/engine/sampling/schedule.js';

const RUN = { seed: 20_240_601 };

describe('buildSchedule', () => {
  it('descends strictly to exactly zero, dynamic or fixed', () => {
    const config = fc.record({
      use_dynamic_shifting: fc.boolean(),
      time_shift_type: fc.constantFrom('exponential', 'linear'),
      shift: fc.double({ min: 0.25, max: 8, noNaN: true }),
    });
    const property = fc.property(
      config,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 16_384 }),
      (json, steps, tokens) => {
        const { sigmas, timesteps } = buildSchedule(parseSchedulerConfig(json), steps, tokens);
        expect(sigmas).toHaveLength(steps + 1);
        expect(sigmas[0]).toBeCloseTo(1, 6);
        expect(sigmas[steps]).toBe(0);
        for (let i = 0; i < steps; i++) {
          expect(sigmas[i]).toBeGreaterThan(sigmas[i + 1] as number);
          expect(timesteps[i]).toBe(Math.fround((sigmas[i] as number) * 1000));
        }
      },
    );
    fc.assert(property, RUN);
  });
});

describe('packLatents', () => {
  it('is undone by unpackLatents for every even size', () => {
    const side = fc.integer({ min: 1, max: 9 }).map((half) => 2 * half);
    const property = fc.property(fc.integer({ min: 1, max: 16 }), side, side, (channels, height, width) => {
      const shape = { channels, height, width };
      const latents = Float32Array.from({ length: channels * height * width }, (_, i) => i);
      expect(unpackLatents(packLatents(latents, shape), shape)).toEqual(latents);
    });
    fc.assert(property, RUN);
  });
});

describe('ropeTables', () => {
  it('holds rotations: cos^2 + sin^2 = 1', () => {
    const grid = fc.integer({ min: 1, max: 12 });
    const property = fc.property(fc.integer({ min: 0, max: 20 }), grid, grid, (textTokens, rows, cols) => {
      const { cos, sin, tokens } = ropeTables({ textTokens, rows, cols, axesDims: [8, 12, 12] });
      expect(tokens).toBe(textTokens + rows * cols);
      cos.forEach((c, i) => expect(Math.abs(c * c + (sin[i] as number) ** 2 - 1)).toBeLessThanOrEqual(3e-7));
    });
    fc.assert(property, { ...RUN, numRuns: 30 });
  });
});

describe('gating', () => {
  it('maps every block to an existing residual, in order', () => {
    const count = fc.integer({ min: 1, max: 60 });
    const property = fc.property(count, count, (baseBlocks, controlBlocks) => {
      const map = residualIndex(baseBlocks, controlBlocks);
      expect(map).toHaveLength(baseBlocks);
      map.forEach((residual, i) => {
        expect(residual).toBeLessThan(controlBlocks);
        expect(residual - (map[i - 1] ?? 0)).toBeLessThanOrEqual(1);
      });
    });
    fc.assert(property, RUN);
  });

  it('keeps one run of consecutive steps', () => {
    const fraction = fc.double({ min: 0, max: 1, noNaN: true });
    const property = fc.property(fc.integer({ min: 1, max: 60 }), fraction, fraction, (steps, start, end) => {
      expect(keepFactors(steps, start, end).join('')).toMatch(/^0*1*0*$/);
    });
    fc.assert(property, RUN);
  });
});

describe('drawNoise', () => {
  it('is the same for the same seed, and the bf16 draw is the rounded f32 draw', () => {
    const property = fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 3000 }), (seed, count) => {
      const first = drawNoise({ seed, shape: [count], dtype: 'f32' });
      expect(drawNoise({ seed, shape: [1, count], dtype: 'f32' })).toEqual(first);
      const rounded = drawNoise({ seed, shape: [count], dtype: 'bf16' });
      first.latents.forEach((value, i) => {
        expect(Math.abs((rounded.latents[i] as number) - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -8);
      });
    });
    fc.assert(property, { ...RUN, numRuns: 20 });
  });

  it('continues every thread with the cosine branch and the next words when the device is too small', () => {
    // One block of 256 threads: elements t, t + 256, t + 512, t + 768 of thread t, then the stream's next block.
    const geometry = { multiprocessors: 1, threadsPerMultiprocessor: 256 };
    const small = drawNoise({ seed: 7, shape: [2 * 1024], dtype: 'f32', geometry });
    const first = drawNoise({ seed: 7, shape: [256], dtype: 'f32' });
    expect(small.controlPosterior.slice(0, 256)).toEqual(first.controlPosterior);
    expect(small.controlPosterior.slice(1024, 1280)).toEqual(first.latents);
    const squares = small.latents.reduce((total, value) => total + value * value, 0);
    expect(squares / small.latents.length).toBeGreaterThan(0.9);
    expect(squares / small.latents.length).toBeLessThan(1.1);
  });
});
