/** The loop: one fused graph per step, Euler in f32 on the host. */
import { AppError, throwIfAborted } from '../../../base/app-error.js';
import { STEP_IO, stepGraph } from '../../graph/denoiser.js';
import { denoiserProgram } from '../../graph/denoiser-program.js';
import type { FluxConfig } from '../../graph/flux-config.js';
import type { ComputeProfile } from '../../graph/compute-profile.js';
import type { DeviceChoice, WeightPlaces } from '../../protocol.js';
import { runsBlocks, type Feed, type WeightMemory } from '../../runtime/session.js';
import { ropeTables } from '../../sampling/rope.js';
import { eulerStep, type Schedule } from '../../sampling/schedule.js';
import { tokensOf } from '../../weights/names/flux.js';
import type { Modulations } from './conditioning.js';
import type { InputSamples } from '../quantization-errors/input-samples.js';
import { openNetwork, openProgram, type NetworkWeights } from '../networks/network-session.js';

/** InfuseNet's side of a run. */
export interface ControlInputs {
  readonly config: FluxConfig;
  readonly weights: NetworkWeights;
  readonly modulations: Modulations;
  /** [queries, jointAttentionDim] f32. */
  readonly identityTokens: Float32Array;
  readonly queries: number;
  /** Packed control latents [S, inChannels] f32. */
  readonly control: Float32Array;
  /** Residual factor of each step: conditioning scale times gating. */
  readonly scales: readonly number[];
}

export interface DenoiserRequest extends DeviceChoice {
  readonly profile: ComputeProfile;
  readonly flux: FluxConfig;
  readonly fluxWeights: NetworkWeights;
  readonly modulations: Modulations;
  /** [textTokens, jointAttentionDim] f32. */
  readonly text: Float32Array;
  readonly textTokens: number;
  readonly rows: number;
  readonly cols: number;
  readonly control: ControlInputs | null;
  /** Ends loading and steps, where the provider's binding can. */
  readonly signal?: AbortSignal;
  /** Writes the runtime's per-node profile with this path prefix when the session is released. */
  readonly profilePrefix?: string;
  /** Called for a step (from 0) whose velocity is not finite; without it such a step fails. */
  readonly onNotFinite?: (step: number) => void;
  /** Where the provider runs blocks; default all weights on the device. */
  readonly memory?: WeightMemory;
  /** Receives the inputs of FLUX's or InfuseNet's linears in these steps (from 0). */
  readonly sampled?: { readonly samples: InputSamples; readonly steps: readonly number[] };
}

/** A loaded denoiser for one picture size. */
export interface Denoiser {
  readonly weightBytes: number;
  /** Null where the provider holds all weights. */
  readonly places: WeightPlaces | null;
  release(): Promise<void>;
  /** Velocity [S, outChannels] f32 at a step. @throws AppError engine.not-finite; the session's errors */
  velocity(latents: Float32Array, step: number, residualScale?: number): Promise<Float32Array>;
}

/** All weights on the device. */
const ALL_RESIDENT: WeightMemory = { deviceBytes: Infinity, hostBytes: Infinity, onePass: false };

/**
 * Block by block where the provider can; as one graph elsewhere, and where inputs of linears are sampled or nodes are
 * profiled, which need one.
 */
export async function loadDenoiser(request: DenoiserRequest): Promise<Denoiser> {
  const whole = request.sampled !== undefined || request.profilePrefix !== undefined;
  const { velocity, ...loaded } =
    !whole && (await runsBlocks(request.provider)) ? await loadBlocks(request) : await loadWhole(request);
  return {
    ...loaded,
    velocity: async (latents, step, residualScale) => {
      const values = await velocity(latents, step, residualScale);
      if (!allFinite(values)) {
        if (request.onNotFinite === undefined) throw notFinite(step);
        request.onNotFinite(step);
      }
      return values;
    },
  };
}

async function loadBlocks(request: DenoiserRequest): Promise<Denoiser> {
  const { flux, control, profile } = request;
  const program = await openProgram({
    label: labelOf(request),
    device: request,
    memory: request.memory ?? ALL_RESIDENT,
    build: (book) =>
      denoiserProgram(
        { book: book(request.fluxWeights), config: flux, tokens: request.textTokens },
        control === null ? null : { book: book(control.weights), config: control.config, tokens: control.queries },
        profile,
        request.rows * request.cols,
      ),
  });
  try {
    await program.prepare(dataOf(fixedFeeds(request)));
  } catch (error) {
    await program.release();
    throw error;
  }
  return {
    weightBytes: program.weightBytes,
    places: program.places,
    release: () => program.release(),
    velocity: (latents, step, residualScale) =>
      program.step(dataOf(stepFeeds(request, latents, step, residualScale)), STEP_IO.velocity),
  };
}

async function loadWhole(request: DenoiserRequest): Promise<Denoiser> {
  const { flux, control, rows, cols, sampled, profilePrefix } = request;
  const tokens = rows * cols;
  const tapOf = (component: 'flux' | 'infusenet', text: number) => {
    const counts = { text, image: tokens, joint: text + tokens };
    return sampled?.samples.component === component ? sampled.samples.tap((weight) => counts[tokensOf(weight)]) : null;
  };
  const session = await openNetwork({
    label: labelOf(request),
    device: request,
    ...(profilePrefix === undefined ? {} : { profilePrefix }),
    build: (builder) => {
      const fluxTap = tapOf('flux', request.textTokens);
      const base = { net: builder.network(request.fluxWeights, request.profile, 'flux', fluxTap), config: flux };
      const side =
        control === null
          ? null
          : {
              net: builder.network(control.weights, request.profile, 'infusenet', tapOf('infusenet', control.queries)),
              config: control.config,
            };
      stepGraph(builder.g, base, side, {
        textTokens: request.textTokens,
        identityTokens: control?.queries ?? null,
        imageTokens: tokens,
      });
    },
  });
  session.hold(fixedFeeds(request));
  return {
    weightBytes: session.weightBytes,
    places: null,
    release: async () => {
      if (profilePrefix !== undefined) session.endProfiling();
      await session.release();
    },
    velocity: async (latents, step, residualScale) => {
      const samples = sampled?.steps.includes(step) === true ? sampled.samples : null;
      const feeds = stepFeeds(request, latents, step, residualScale);
      const result = await session.run(feeds, [STEP_IO.velocity, ...(samples?.outputs ?? [])]);
      samples?.add(result);
      return result[STEP_IO.velocity] as Float32Array;
    },
  };
}

function labelOf({ control }: DenoiserRequest): string {
  return control === null ? 'FLUX' : 'FLUX with InfuseNet';
}

/** What is the same in every step. */
function fixedFeeds({ flux, control, rows, cols, text, textTokens }: DenoiserRequest): Record<string, Feed> {
  return {
    [STEP_IO.text]: { data: text, dims: [textTokens, flux.jointAttentionDim] },
    ...ropeFeeds(flux, textTokens, rows, cols, STEP_IO.cos, STEP_IO.sin),
    ...(control === null
      ? {}
      : {
          [STEP_IO.identity]: {
            data: control.identityTokens,
            dims: [control.queries, control.config.jointAttentionDim],
          },
          [STEP_IO.control]: { data: control.control, dims: [rows * cols, control.config.inChannels] },
          ...ropeFeeds(control.config, control.queries, rows, cols, STEP_IO.controlCos, STEP_IO.controlSin),
        }),
  };
}

function stepFeeds(
  { flux, control, rows, cols, modulations }: DenoiserRequest,
  latents: Float32Array,
  step: number,
  residualScale?: number,
): Record<string, Feed> {
  return {
    [STEP_IO.latents]: { data: latents, dims: [rows * cols, flux.inChannels] },
    [STEP_IO.fluxModulation]: vector(modulations.step(step)),
    ...(control === null
      ? {}
      : {
          [STEP_IO.infuseNetModulation]: vector(control.modulations.step(step)),
          [STEP_IO.residualScale]: vector(Float32Array.of(residualScale ?? control.scales[step] ?? 0)),
        }),
  };
}

function dataOf(feeds: Readonly<Record<string, Feed>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, data]));
}

function ropeFeeds(
  config: FluxConfig,
  textTokens: number,
  rows: number,
  cols: number,
  cos: string,
  sin: string,
): Record<string, Feed> {
  const tables = ropeTables({ textTokens, rows, cols, axesDims: config.axesDims });
  const dims = [tables.tokens, tables.halfDim];
  return { [cos]: { data: tables.cos, dims }, [sin]: { data: tables.sin, dims } };
}

function vector(data: Float32Array): Feed {
  return { data, dims: [data.length] };
}

/** A NaN or infinite value makes the sum so. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (const value of values) sum += value;
  return Number.isFinite(sum);
}

function notFinite(step: number): AppError {
  return new AppError('engine.not-finite', `The denoiser produced values that are not numbers at step ${step + 1}.`, {
    remedy:
      'Try another weight format or the cpu provider; if it happens there too, verify the pack on the Models screen.',
    details: { step: step + 1 },
  });
}

export interface DenoiseStep {
  /** 1-based. */
  readonly step: number;
  readonly seconds: number;
  /** Latents after the step, [S, inChannels] f32; a view that the next step changes. */
  readonly latents: Float32Array;
  /** Estimate of the clean latents: latents before the step minus sigma times velocity. */
  readonly estimate: Float32Array;
}

/** Runs all steps in place on `latents`. @throws AbortError between steps */
export async function denoise(
  denoiser: Denoiser,
  schedule: Schedule,
  latents: Float32Array,
  onStep: (step: DenoiseStep) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const steps = schedule.timesteps.length;
  for (let index = 0; index < steps; index++) {
    throwIfAborted(signal);
    const started = performance.now();
    const velocity = await denoiser.velocity(latents, index);
    const sigma = schedule.sigmas[index] as number;
    const estimate = latents.map((value, i) => value - sigma * (velocity[i] as number));
    eulerStep(latents, velocity, sigma, schedule.sigmas[index + 1] as number);
    await onStep({ step: index + 1, seconds: (performance.now() - started) / 1000, latents, estimate });
  }
  throwIfAborted(signal);
}
