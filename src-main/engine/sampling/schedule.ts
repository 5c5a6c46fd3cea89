/**
 * Noise levels of the flow-matching Euler sampler, and its step.
 *
 * n = steps, S = image tokens, u = unshifted level, sigma = shifted level.
 *
 * @source huggingface/diffusers 0.40, src/diffusers/schedulers/scheduling_flow_match_euler_discrete.py
 * (`set_timesteps`, `time_shift`, `step`) and src/diffusers/pipelines/flux/pipeline_flux.py (`calculate_shift`, the
 * linspace of levels). Esser et al., "Scaling Rectified Flow Transformers" (2024), section 5.3.2 for the shift.
 */
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';
import { invariant } from '../../base/assert.js';

/** The shift of levels towards noise. */
export interface SchedulerConfig {
  /** Factor from sigma to timestep. */
  readonly numTrainTimesteps: number;
  /** Fixed shift, used without dynamic shifting; 1 leaves the levels unchanged. */
  readonly shift: number;
  readonly useDynamicShifting: boolean;
  readonly timeShiftType: 'exponential' | 'linear';
  /** mu at `baseImageSeqLen` tokens and at `maxImageSeqLen` tokens; linear in between and beyond. */
  readonly baseShift: number;
  readonly maxShift: number;
  readonly baseImageSeqLen: number;
  readonly maxImageSeqLen: number;
}

export interface Schedule {
  /** The resolution-dependent shift; null without dynamic shifting. */
  readonly mu: number | null;
  /** [n + 1], float32 values, strictly descending from 1 (within float32 rounding) to exactly 0. */
  readonly sigmas: Float32Array;
  /** [n], sigma * numTrainTimesteps in float32. */
  readonly timesteps: Float32Array;
}

const positive = z.number().positive();

/** Settings of diffusers' scheduler that FLUX does not use; other values are rejected. */
const unusedFlag = z.union([z.literal(false), z.null()]).optional();

const schedulerFile = z.looseObject({
  _class_name: z.literal('FlowMatchEulerDiscreteScheduler').optional(),
  num_train_timesteps: positive.default(1000),
  shift: positive.default(1),
  use_dynamic_shifting: z.boolean().default(false),
  time_shift_type: z.enum(['exponential', 'linear']).default('exponential'),
  base_shift: z.number().default(0.5),
  max_shift: z.number().default(1.15),
  base_image_seq_len: positive.default(256),
  max_image_seq_len: positive.default(4096),
  use_karras_sigmas: unusedFlag,
  use_exponential_sigmas: unusedFlag,
  use_beta_sigmas: unusedFlag,
  invert_sigmas: unusedFlag,
  stochastic_sampling: unusedFlag,
  shift_terminal: z.union([z.literal(0), z.null()]).optional(),
});

/**
 * Reads a parsed `scheduler_config.json`. Absent fields take diffusers' defaults; unknown fields are ignored.
 * @throws AppError config.invalid for another scheduler class, an unsupported setting, or a value of the wrong kind
 */
export function parseSchedulerConfig(json: unknown): SchedulerConfig {
  const parsed = schedulerFile.safeParse(json);
  if (!parsed.success) {
    const found = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
    throw invalidConfig(found.join('; '), parsed.error);
  }
  const file = parsed.data;
  if (file.base_image_seq_len === file.max_image_seq_len) {
    throw invalidConfig(`base_image_seq_len and max_image_seq_len are both ${file.base_image_seq_len}`);
  }
  return {
    numTrainTimesteps: file.num_train_timesteps,
    shift: file.shift,
    useDynamicShifting: file.use_dynamic_shifting,
    timeShiftType: file.time_shift_type,
    baseShift: file.base_shift,
    maxShift: file.max_shift,
    baseImageSeqLen: file.base_image_seq_len,
    maxImageSeqLen: file.max_image_seq_len,
  };
}

function invalidConfig(found: string, cause?: unknown): AppError {
  return new AppError('config.invalid', `scheduler_config.json cannot be used: ${found}.`, {
    remedy: 'Use the scheduler_config.json of FLUX.1-dev or FLUX.1-schnell.',
    cause,
  });
}

/** The shift mu for S tokens: linear through (baseImageSeqLen, baseShift) and (maxImageSeqLen, maxShift), not clamped. */
export function dynamicShiftMu(config: SchedulerConfig, imageTokens: number): number {
  const slope = (config.maxShift - config.baseShift) / (config.maxImageSeqLen - config.baseImageSeqLen);
  return imageTokens * slope + (config.baseShift - slope * config.baseImageSeqLen);
}

/**
 * Levels and timesteps of a run: n levels from 1 to 1/n, shifted, and a final 0. Levels are rounded to float32 before
 * the shift and after every operation, as in current diffusers (numpy float32 arrays).
 * @param steps n, at least 1
 * @param imageTokens S, (height / 16) * (width / 16)
 */
export function buildSchedule(config: SchedulerConfig, steps: number, imageTokens: number): Schedule {
  invariant(Number.isSafeInteger(steps) && steps >= 1, `steps is ${steps}`);
  const mu = config.useDynamicShifting ? dynamicShiftMu(config, imageTokens) : null;
  const sigmas = new Float32Array(steps + 1);
  const timesteps = new Float32Array(steps);
  for (let i = 0; i < steps; i++) {
    const level = Math.fround(unshiftedLevel(i, steps));
    const sigma =
      mu === null ? shiftByFactor(level, config.shift) : shiftByMu(level, mu, config.timeShiftType === 'exponential');
    sigmas[i] = sigma;
    timesteps[i] = sigma * config.numTrainTimesteps;
  }
  return { mu, sigmas, timesteps };
}

/** Entry i of numpy's linspace(1, 1/n, n) in float64: end points exact, the rest i * step + 1. */
function unshiftedLevel(i: number, steps: number): number {
  if (i === 0) return 1;
  if (i === steps - 1) return 1 / steps;
  return i * ((1 / steps - 1) / (steps - 1)) + 1;
}

/** shift * u / (1 + (shift - 1) * u), each operation in float32. */
function shiftByFactor(level: number, shift: number): number {
  const scaled = Math.fround(Math.fround(shift) * level);
  return Math.fround(scaled / Math.fround(1 + Math.fround(Math.fround(shift - 1) * level)));
}

/** m / (m + (1/u - 1)) with m = e^mu or mu, each operation in float32. */
function shiftByMu(level: number, mu: number, exponential: boolean): number {
  const m = Math.fround(exponential ? Math.exp(mu) : mu);
  const odds = Math.fround(Math.fround(1 / level) - 1);
  return Math.fround(m / Math.fround(m + odds));
}

/**
 * One Euler step in float32: latents += (sigmaNext - sigma) * velocity.
 * @param latents mutated in place
 * @param velocity the network's output, same length
 */
export function eulerStep(latents: Float32Array, velocity: Float32Array, sigma: number, sigmaNext: number): void {
  invariant(latents.length === velocity.length, `latents have ${latents.length} values, velocity ${velocity.length}`);
  const step = Math.fround(sigmaNext - sigma);
  for (let i = 0; i < latents.length; i++) {
    latents[i] = (latents[i] as number) + Math.fround(step * (velocity[i] as number));
  }
}
