import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import {
  buildSchedule,
  dynamicShiftMu,
  eulerStep,
  parseSchedulerConfig,
} from '../../../../src-main/engine/sampling/schedule.js';
import { readFixtureF32, readFixtureJson } from '../../support/read-fixture.js';

const TINY = 'reference-tiny/expected';
const settings = readFixtureJson<{ mu: number; steps: number; width: number; height: number }>(`${TINY}.json`);
const expected = readFixtureF32(`${TINY}.safetensors`);
const file = readFixtureJson<Record<string, unknown>>('reference-tiny/flux/scheduler/scheduler_config.json');
const imageTokens = (settings.width / 16) * (settings.height / 16);

/** 30 steps at 864 x 1152, computed from the formula in the pipeline reference, section 8.1. */
const SIGMAS_30 = [
  1, 0.988817, 0.977109, 0.964839, 0.951965, 0.938441, 0.924218, 0.909239, 0.893442, 0.876759, 0.859113, 0.840417,
  0.820576, 0.799481, 0.777009, 0.753021, 0.727358, 0.699838, 0.670252, 0.638359, 0.603877, 0.566478, 0.525775,
  0.481311, 0.432538, 0.3788, 0.319296, 0.253046, 0.178834, 0.095134, 0,
];

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

describe('buildSchedule with dynamic shifting', () => {
  const config = parseSchedulerConfig(file);

  it('gives the reference sigmas and timesteps bit for bit, and mu to float64', () => {
    const schedule = buildSchedule(config, settings.steps, imageTokens);
    expect(schedule.mu).toBeCloseTo(settings.mu, 15);
    expect(schedule.sigmas).toEqual(expected('sigmas'));
    expect(schedule.timesteps).toEqual(expected('timesteps'));
  });

  it('gives the published table for 30 steps at 3888 tokens within its six digits', () => {
    const { sigmas } = buildSchedule(config, 30, 3888);
    expect(dynamicShiftMu(config, 3888)).toBeCloseTo(1.1147917, 7);
    expect(sigmas).toHaveLength(SIGMAS_30.length);
    SIGMAS_30.forEach((sigma, i) => expect(Math.abs((sigmas[i] as number) - sigma)).toBeLessThanOrEqual(5.1e-7));
  });

  it('starts a single step at pure noise', () => {
    expect([...buildSchedule(config, 1, imageTokens).sigmas]).toEqual([1, 0]);
  });
});

describe('buildSchedule without dynamic shifting', () => {
  it('leaves the levels alone for shift 1 (FLUX.1-schnell)', () => {
    const schedule = buildSchedule(parseSchedulerConfig({ use_dynamic_shifting: false, shift: 1 }), 4, imageTokens);
    expect(schedule.mu).toBeNull();
    expect([...schedule.sigmas]).toEqual([1, 0.75, 0.5, 0.25, 0]);
    expect([...schedule.timesteps]).toEqual([1000, 750, 500, 250]);
  });

  it('applies shift * u / (1 + (shift - 1) * u)', () => {
    const { sigmas } = buildSchedule(parseSchedulerConfig({ use_dynamic_shifting: false, shift: 3 }), 4, imageTokens);
    [1, 0.9, 0.75, 0.5, 0].forEach((sigma, i) => expect(sigmas[i]).toBeCloseTo(sigma, 6));
  });
});

describe('parseSchedulerConfig', () => {
  it.each([
    ['an unknown time shift', { time_shift_type: 'cosine' }],
    ['Karras sigmas', { use_karras_sigmas: true }],
    ['exponential sigmas', { use_exponential_sigmas: true }],
    ['beta sigmas', { use_beta_sigmas: true }],
    ['inverted sigmas', { invert_sigmas: true }],
    ['stochastic sampling', { stochastic_sampling: true }],
    ['a terminal shift', { shift_terminal: 0.1 }],
    ['another scheduler', { _class_name: 'DDIMScheduler' }],
    ['a shift of zero', { shift: 0 }],
    ['a shift that is text', { shift: '3' }],
    ['equal sequence lengths', { base_image_seq_len: 256, max_image_seq_len: 256 }],
  ])('refuses %s', (_, change) => {
    expect(codeOf(() => parseSchedulerConfig({ ...file, ...change }))).toBe('config.invalid');
  });

  it.each([[null], [[]], ['text']])('refuses %j in place of an object', (json) => {
    expect(codeOf(() => parseSchedulerConfig(json))).toBe('config.invalid');
  });
});

describe('eulerStep', () => {
  it('gives the reference latents after the first step bit for bit', () => {
    const sigmas = expected('sigmas');
    const latents = expected('noise_packed');
    eulerStep(latents, expected('velocity_step0'), sigmas[0] as number, sigmas[1] as number);
    expect(latents).toEqual(expected('latents_after_step').slice(0, latents.length));
  });
});
