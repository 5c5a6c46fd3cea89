/**
 * Settings against what the networks and the pack can do, before anything is loaded.
 */
import { AppError } from '../../../base/app-error.js';
import type { Pack } from '../../pack/open-pack.js';
import type { GenerateRequest } from '../../protocol.js';

/** Latents are 8 times smaller than the picture and read in 2×2 patches. */
const SIZE_MULTIPLE = 16;
const MAX_SEED = 2 ** 32 - 1;

/** @throws AppError engine.request-invalid naming the setting, what it is and what it may be */
export function checkSettings(request: GenerateRequest, pack: Pack): void {
  const { minSize, maxSize, maxSteps } = pack.limits;
  for (const [name, value] of [
    ['width', request.width],
    ['height', request.height],
  ] as const) {
    require(Number.isInteger(value) &&
      value % SIZE_MULTIPLE === 0 &&
      value >= minSize &&
      value <=
        maxSize, `The ${name} is ${value}`, `a multiple of ${SIZE_MULTIPLE} from ${minSize} to ${maxSize} for this pack`);
  }
  require(Number.isInteger(request.steps) &&
    request.steps >= 1 &&
    request.steps <= maxSteps, `The number of steps is ${request.steps}`, `a whole number from 1 to ${maxSteps}`);
  require(Number.isInteger(request.seed) &&
    request.seed >= 0 &&
    request.seed <= MAX_SEED, `The seed is ${request.seed}`, `a whole number from 0 to ${MAX_SEED}`);
  require(Number.isFinite(request.guidance) &&
    request.guidance >= 0, `The guidance is ${request.guidance}`, 'a number of at least 0');
  require(Number.isFinite(request.conditioningScale) &&
    request.conditioningScale >= 0, `The conditioning scale is ${request.conditioningScale}`, 'a number of at least 0');
  for (const [name, value] of [
    ['start', request.start],
    ['end', request.end],
  ] as const) {
    require(value >= 0 && value <= 1, `InfuseNet's ${name} is ${value}`, 'a fraction from 0 to 1');
  }
}

function require(holds: boolean, found: string, expected: string): void {
  if (holds) return;
  throw new AppError('engine.request-invalid', `${found}, expected ${expected}.`, {
    remedy: 'Change the setting and run again.',
  });
}
