/** The denoising loop: loads FLUX with InfuseNet, runs every step, and releases them. */
import { keepFactors } from '../../sampling/gating.js';
import type { Schedule } from '../../sampling/schedule.js';
import { isConditioningTensor } from '../../weights/names/flux.js';
import type { LoopStart } from './before-loop.js';
import type { WeightPlaces } from '../../protocol.js';
import { expandedCopies } from '../memory/denoise-memory.js';
import { weightMemory } from '../memory/weight-memory.js';
import { computeModulations } from './conditioning.js';
import { denoise, loadDenoiser, type ControlInputs, type DenoiserRequest } from './denoise.js';
import { detectSpill, type StepSample } from './detect-spill.js';
import type { EncodedText } from '../networks/encode-text.js';
import { pickSteps } from '../quantization-errors/input-samples.js';
import { openInfuseNet } from '../../pack/pack-networks.js';
import type { NetworkWeights } from '../networks/network-session.js';
import { prepareOnHost, prepareQuantized, type PrepareContext } from '../networks/prepared.js';
import { previewPngUrl, savePreview } from './preview.js';
import type { RunScope } from './run-scope.js';
import { saveLatents } from './save-latents.js';

/** InfuseNet's own guidance, independent of the setting. @source bytedance/InfiniteYou pipeline_flux_infusenet.py */
const INFUSENET_GUIDANCE = 1;

export interface LoopOutcome {
  readonly stepSeconds: readonly number[];
  readonly steps: readonly StepSample[];
  readonly weightPlaces: WeightPlaces | null;
  /** First step, from 1, with NaN or infinite values; only when the request allows them. */
  readonly notFiniteAtStep?: number;
}

/**
 * Changes the start's latents in place.
 * @throws AppError of loading and running, engine.not-finite; AbortError when cancelled
 */
export async function runLoop(
  scope: RunScope,
  { prepare, flux, text, schedule, latents, grid, shape, factors, ...start }: LoopStart,
): Promise<LoopOutcome> {
  const { request, probe, hashes } = scope;
  const stepSeconds: number[] = [];
  const steps: StepSample[] = [];
  let notFiniteAtStep: number | undefined;
  const { format, mix } = await scope.format('flux', flux);
  const fluxWeights = await prepareQuantized(prepare, 'flux', flux, format, mix);
  hashes['flux'] = fluxWeights.fingerprint;
  const modulations = await computeModulations({
    kind: 'flux',
    config: flux.config,
    weights: await prepareOnHost(prepare, 'flux-conditioning', flux, isConditioningTensor),
    timesteps: schedule.timesteps,
    guidance: request.guidance,
    pooled: text.pooled,
    rounding: 'f32',
  });
  const control = start.control === null ? null : await controlInputs(scope, prepare, text, schedule, start.control);
  scope.report('load', 0, 'Loading the denoiser');
  let weightBytes = 0;
  const denoiser = await probe.phase(
    'load',
    () => weightBytes,
    async () => {
      const loaded = await loadDenoiser({
        provider: request.provider,
        deviceId: request.deviceId ?? 0,
        profile: prepare.profile,
        flux: flux.config,
        fluxWeights,
        modulations,
        text: text.text,
        textTokens: text.tokens,
        rows: grid.rows,
        cols: grid.cols,
        control,
        memory: await weightMemory(request, request.memoryLimitBytes, {
          tokens: text.tokens + grid.rows * grid.cols,
          hidden: flux.config.hidden,
          expandedBytes:
            largestLinear(fluxWeights) *
            Math.max(...(['flux', 'infusenet'] as const).map((one) => expandedCopies(request.formats[one]))),
        }),
        ...(request.profilePrefix === undefined ? {} : { profilePrefix: request.profilePrefix }),
        ...sampledSteps(scope, control),
        ...(scope.context.signal === undefined ? {} : { signal: scope.context.signal }),
        ...(request.allowNotFinite === true ? { onNotFinite: (step) => (notFiniteAtStep ??= step + 1) } : {}),
      });
      weightBytes = loaded.weightBytes;
      return loaded;
    },
  );
  await probe.phase(
    'denoise',
    () => weightBytes,
    async () => {
      try {
        await denoise(
          denoiser,
          schedule,
          latents,
          async ({ step, seconds, latents: after, estimate }) => {
            stepSeconds.push(seconds);
            if (request.latentsDir !== undefined) await saveLatents(request.latentsDir, step, after);
            if (request.previewDir !== null) await savePreview(request.previewDir, step, estimate, shape, factors);
            const previewPng = await previewPngUrl(estimate, shape, factors);
            // After the awaits, since the driver's readings of a step arrive while this thread is free.
            steps.push({ seconds, ...probe.device });
            const spilled = detectSpill(steps, request.usualStepSeconds) !== null;
            const slow = spilled ? '; the GPU’s memory is full and steps are far slower than before' : '';
            scope.report('denoise', step / request.steps, `Step ${step} of ${request.steps}${slow}`, {
              step,
              steps: request.steps,
              previewPng,
              spilled,
            });
          },
          scope.context.signal,
        );
      } finally {
        // Within the phase, or the decode would begin with this memory still in use.
        await denoiser.release();
      }
    },
  );
  const { places: weightPlaces } = denoiser;
  return { stepSeconds, steps, weightPlaces, ...(notFiniteAtStep === undefined ? {} : { notFiniteAtStep }) };
}

/** Samples to fill, and the steps to sample. */
function sampledSteps(scope: RunScope, control: ControlInputs | null): Pick<DenoiserRequest, 'sampled'> {
  const { samples } = scope;
  if (samples === null || samples.component === 't5') return {};
  const everyStep = Array.from({ length: scope.request.steps }, () => 1);
  return { sampled: { samples, steps: pickSteps(samples.component === 'flux' ? everyStep : (control?.scales ?? [])) } };
}

async function controlInputs(
  scope: RunScope,
  prepare: PrepareContext,
  text: EncodedText,
  schedule: Schedule,
  { identityTokens, latents }: NonNullable<LoopStart['control']>,
): Promise<ControlInputs> {
  const { request } = scope;
  const infuseNet = await scope.open(openInfuseNet(scope.context.pack, request.modelVariant));
  const { format, mix } = await scope.format('infusenet', infuseNet);
  const weights = await prepareQuantized(prepare, 'infusenet', infuseNet, format, mix);
  scope.hashes['infusenet'] = weights.fingerprint;
  const modulations = await computeModulations({
    kind: 'infusenet',
    config: infuseNet.config,
    weights: await prepareOnHost(prepare, 'infusenet-conditioning', infuseNet, isConditioningTensor),
    timesteps: schedule.timesteps,
    guidance: INFUSENET_GUIDANCE,
    pooled: text.pooled,
    rounding: 'f32',
  });
  const keep = keepFactors(request.steps, request.start, request.end);
  return {
    config: infuseNet.config,
    weights,
    modulations,
    identityTokens,
    queries: identityTokens.length / infuseNet.config.jointAttentionDim,
    control: latents,
    scales: keep.map((factor) => factor * request.conditioningScale),
  };
}

/** Of the largest linear, in 16 bits. */
function largestLinear({ tensors }: NetworkWeights): number {
  return Math.max(
    ...[...tensors.values()].map(({ shape: [n = 0, k = 0, ...more] }) => (more.length === 0 ? n * k * 2 : 0)),
  );
}
