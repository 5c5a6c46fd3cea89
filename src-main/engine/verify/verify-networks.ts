/**
 * Recomputes every network output of a reference folder's `expected.safetensors`. Each network gets the reference's
 * inputs, so that an error shows where it arises; the latents of the loop and the decoded picture are ours throughout.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { residualGraph, STEP_IO } from '../graph/denoiser.js';
import type { FluxConfig } from '../graph/flux-config.js';
import { floatToImage } from '../image/float-image.js';
import { openPack, type Pack } from '../pack/open-pack.js';
import { computeModulations, type Modulations } from '../pipeline/conditioning.js';
import { denoise, loadDenoiser } from '../pipeline/denoise.js';
import { loadClip, loadT5 } from '../pipeline/encode-text.js';
import { projectIdentity } from '../pipeline/identity.js';
import { openNetwork, type NetworkWeights } from '../pipeline/network-session.js';
import {
  openClip,
  openFlux,
  openImageProjection,
  openInfuseNet,
  openT5,
  openVae,
  readJson,
  type PackNetwork,
} from '../pipeline/pack-networks.js';
import { prepareOnHost, prepareQuantized, type PrepareContext } from '../pipeline/prepared.js';
import { decoderLatents, encodePixels, loadDecoder, vaeScale } from '../pipeline/vae-codec.js';
import { keepFactors } from '../sampling/gating.js';
import { packLatents, latentShape, tokenGrid } from '../sampling/latents.js';
import { ropeTables } from '../sampling/rope.js';
import { buildSchedule, parseSchedulerConfig } from '../sampling/schedule.js';
import { loadTokenizers } from '../text/load-tokenizers.js';
import { isConditioningTensor } from '../weights/names/flux.js';
import type { TensorSource } from '../weights/tensor-source.js';
import { checkExact, checkMaxAbs, checkRelative, relativeL2, type Check } from './checks.js';
import { parseExpectedSettings, type ExpectedSettings } from './expected-settings.js';

/** Relative L2 of every f32 network output. */
const NETWORK_LIMIT = 1e-4;
/** Relative L2 of the latents: errors of the steps add up. */
const LATENTS_LIMIT = 5e-4;
const SIGMA_LIMIT = 1e-6;
/** Timesteps are 1000·sigma in f32. */
const TIMESTEP_LIMIT = 1e-3;
/** Levels of 255. */
const IMAGE_LIMIT = 1;
/** Head sizes that a miniature's image projection may have. */
const HEAD_SIZES = [64, 32, 16, 8, 4];
/** InfuseNet's guidance is fixed upstream. */
const INFUSENET_GUIDANCE = 1;

export interface VerifyContext {
  readonly folder: string;
  readonly expected: TensorSource;
  readonly prepare: PrepareContext;
  readonly report: (check: Check) => void;
}

/** Runs `use` with a reference tensor, if the folder recorded it. */
async function withExpected(
  context: VerifyContext,
  name: string,
  use: (values: Float32Array) => void | Promise<void>,
): Promise<void> {
  if (context.expected.entries.has(name)) await use(await context.expected.readF32(name));
}

/** @throws AppError of the readers and sessions; a wrong number is a failed check, not an error */
export async function verifyNetworks(context: VerifyContext): Promise<void> {
  const pack = await openPack(context.folder);
  const settings = parseExpectedSettings(await readJson(join(context.folder, 'expected.json')));
  await verifyText(context, pack, settings);
  await verifyIdentity(context, pack);
  await verifyVaeEncoder(context, pack, settings);
  await verifyDenoiser(context, pack, settings);
}

/** The variant that the reference used: the only one, or the first. */
function firstVariant(pack: Pack): string {
  return [...pack.variants.keys()][0] ?? '';
}

async function verifyText(context: VerifyContext, pack: Pack, settings: ExpectedSettings): Promise<void> {
  const { expected, report, prepare } = context;
  const tokenizers = await loadTokenizers(pack.flux);
  const encodeAll = (encode: (prompt: string) => Int32Array) =>
    settings.prompts.flatMap((prompt) => [...encode(prompt)]);
  for (const [name, tokenizer] of [
    ['clip_input_ids', tokenizers.clip],
    ['t5_input_ids', tokenizers.t5],
  ] as const) {
    if (expected.entries.has(name)) {
      report(
        checkExact(
          name,
          encodeAll((prompt) => tokenizer.encode(prompt)),
          await expected.readF32(name),
        ),
      );
    }
  }
  if (expected.entries.has('clip_pooled')) {
    await withNetwork(openClip(pack), async (network) => {
      const clip = await loadClip(prepare, network);
      try {
        const rows = await Promise.all(settings.prompts.map((prompt) => clip.encode(tokenizers.clip.encode(prompt))));
        await reportRows(context, 'clip_pooled', rows);
      } finally {
        await clip.session.release();
      }
    });
  }
  if (expected.entries.has('t5_embeds')) {
    await withNetwork(openT5(pack), async (network) => {
      const t5 = await loadT5(prepare, network, '16-bit');
      try {
        const rows: Float32Array[] = [];
        for (const prompt of settings.prompts) rows.push(await t5.encode(tokenizers.t5.encode(prompt)));
        await reportRows(context, 't5_embeds', rows);
      } finally {
        await t5.session.release();
      }
    });
  }
}

/** One check for each prompt's part of a tensor. */
async function reportRows(context: VerifyContext, name: string, rows: readonly Float32Array[]): Promise<void> {
  const all = await context.expected.readF32(name);
  const size = all.length / rows.length;
  rows.forEach((row, index) => {
    context.report(
      checkRelative(`${name}[${index}]`, row, all.subarray(index * size, (index + 1) * size), NETWORK_LIMIT),
    );
  });
}

async function verifyIdentity(context: VerifyContext, pack: Pack): Promise<void> {
  const { expected, prepare, report } = context;
  if (!expected.entries.has('face_embedding') || !expected.entries.has('identity_tokens')) return;
  const embedding = await expected.readF32('face_embedding');
  const reference = await expected.readF32('identity_tokens');
  await withNetwork(openImageProjection(pack, firstVariant(pack)), async (network) => {
    // A miniature's head size is not in its checkpoint: where the default does not fit, the divisors are tried.
    const { attentionWidth, headSize } = network.config;
    const sizes = [headSize, ...HEAD_SIZES.filter((size) => size !== headSize && attentionWidth % size === 0)];
    let best: { readonly size: number; readonly tokens: Float32Array; readonly error: number } | null = null;
    for (const size of pack.imageProjectionHeadSize === null ? sizes : [headSize]) {
      const tokens = await projectIdentity(
        prepare,
        { ...network, config: { ...network.config, headSize: size } },
        embedding,
      );
      const error = relativeL2(tokens, reference);
      if (best === null || error < best.error) best = { size, tokens, error };
      if (error <= NETWORK_LIMIT) break;
    }
    if (best === null) return;
    report(checkRelative('identity_tokens', best.tokens, reference, NETWORK_LIMIT, `head size ${best.size}`));
  });
}

async function verifyVaeEncoder(context: VerifyContext, pack: Pack, settings: ExpectedSettings): Promise<void> {
  const { expected, prepare, report } = context;
  if (!expected.entries.has('control_image')) return;
  await withNetwork(openVae(pack), async (vae) => {
    const pixels = await expected.readF32('control_image');
    const posterior = await encodePixels(prepare, vae, pixels, settings.height, settings.width);
    await withExpected(context, 'control_latents_mean', (reference) =>
      report(checkRelative('control_latents_mean', posterior.mean, reference, NETWORK_LIMIT)),
    );
    await withExpected(context, 'control_latents_logvar', (reference) =>
      report(checkRelative('control_latents_logvar', posterior.logvar, reference, NETWORK_LIMIT)),
    );
    const shape = latentShape(settings.width, settings.height, vae.config.latentChannels, vaeScale(vae.config));
    const { shiftFactor, scalingFactor } = vae.config;
    const packed = packLatents(
      posterior.mean.map((value) => (value - shiftFactor) * scalingFactor),
      shape,
    );
    await withExpected(context, 'control_packed', (reference) =>
      report(checkRelative('control_packed', packed, reference, NETWORK_LIMIT, 'posterior mean')),
    );
  });
}

async function verifyDenoiser(context: VerifyContext, pack: Pack, settings: ExpectedSettings): Promise<void> {
  const { expected, report, prepare } = context;
  await withNetwork(openFlux(pack), (flux) =>
    withNetwork(openInfuseNet(pack, firstVariant(pack)), (infuseNet) =>
      withNetwork(openVae(pack), async (vae) => {
        const scale = vaeScale(vae.config);
        const shape = latentShape(settings.width, settings.height, vae.config.latentChannels, scale);
        const grid = tokenGrid(shape);
        const scheduler = parseSchedulerConfig(await readJson(join(pack.flux, 'scheduler', 'scheduler_config.json')));
        const schedule = buildSchedule(scheduler, settings.steps, grid.rows * grid.cols);
        await withExpected(context, 'sigmas', (reference) =>
          report(checkMaxAbs('sigmas', schedule.sigmas, reference, SIGMA_LIMIT)),
        );
        await withExpected(context, 'timesteps', (reference) =>
          report(checkMaxAbs('timesteps', schedule.timesteps, reference, TIMESTEP_LIMIT)),
        );

        const inputs = await readInputs(context, settings, infuseNet.config);
        const condition = async (kind: 'flux' | 'infusenet', network: PackNetwork<FluxConfig>, guidance: number) =>
          computeModulations({
            kind,
            config: network.config,
            weights: await prepareOnHost(prepare, `${kind}-conditioning`, network, isConditioningTensor),
            timesteps: schedule.timesteps,
            guidance,
            pooled: inputs.pooled,
            rounding: 'f32',
          });
        const modulations = await condition('flux', flux, settings.guidance);
        const controlModulations = await condition('infusenet', infuseNet, INFUSENET_GUIDANCE);
        const fluxWeights = await prepareQuantized(prepare, 'flux', flux, '16-bit');
        const controlWeights = await prepareQuantized(prepare, 'infusenet', infuseNet, '16-bit');

        const keep = keepFactors(settings.steps, settings.start, settings.end);
        const factor = await verifyResiduals(
          context,
          settings,
          infuseNet.config,
          controlWeights,
          controlModulations,
          inputs,
          grid,
        );

        const denoiser = await loadDenoiser({
          provider: prepare.provider,
          profile: prepare.profile,
          flux: flux.config,
          fluxWeights,
          modulations,
          text: inputs.text,
          textTokens: inputs.textTokens,
          ...grid,
          control: {
            config: infuseNet.config,
            weights: controlWeights,
            modulations: controlModulations,
            identityTokens: inputs.identityTokens,
            queries: inputs.queries,
            control: inputs.control,
            scales: keep.map((value) => value * settings.scale),
          },
        });
        const latents = inputs.noise.slice();
        try {
          const velocity = await expected.readF32('velocity_step0');
          const byFactor = new Map<number, Float32Array>();
          for (const candidate of new Set([factor, settings.scale, settings.scale * (keep[0] ?? 1)])) {
            byFactor.set(candidate, await denoiser.velocity(inputs.noise, 0, candidate));
          }
          const [used, found] = [...byFactor].reduce((best, entry) =>
            relativeL2(entry[1], velocity) < relativeL2(best[1], velocity) ? entry : best,
          );
          report(checkRelative('velocity_step0', found, velocity, NETWORK_LIMIT, `residuals × ${used}`));
          const without = await denoiser.velocity(inputs.noise, 0, 0);
          await withExpected(context, 'velocity_step0_no_infusenet', (reference) =>
            report(checkRelative('velocity_step0_no_infusenet', without, reference, NETWORK_LIMIT)),
          );
          const trajectory = await expected.readF32('latents_after_step');
          await denoise(denoiser, schedule, latents, async ({ step, latents: now }) => {
            const reference = trajectory.subarray((step - 1) * now.length, step * now.length);
            report(checkRelative(`latents_after_step[${step - 1}]`, now, reference, LATENTS_LIMIT));
          });
        } finally {
          await denoiser.session.release();
        }

        const decoder = await loadDecoder(prepare, vae, shape);
        try {
          const trajectory = await expected.readF32('latents_after_step');
          const last = trajectory.slice(trajectory.length - latents.length);
          const decoded = await decoder.decode(decoderLatents(last, vae.config, shape));
          await withExpected(context, 'decoded', (reference) =>
            report(checkRelative('decoded', decoded, reference, NETWORK_LIMIT, "from the reference's latents")),
          );
          const own = await decoder.decode(decoderLatents(latents, vae.config, shape));
          const image = floatToImage(own, shape.width * scale, shape.height * scale);
          await withExpected(context, 'image_u8', (reference) =>
            report(checkMaxAbs('image_u8', toPlanes(image.data), reference, IMAGE_LIMIT)),
          );
        } finally {
          await decoder.session.release();
        }
      }),
    ),
  );
}

interface DenoiserInputs {
  readonly pooled: Float32Array;
  readonly text: Float32Array;
  readonly textTokens: number;
  readonly identityTokens: Float32Array;
  readonly queries: number;
  readonly control: Float32Array;
  readonly noise: Float32Array;
}

async function readInputs(
  context: VerifyContext,
  settings: ExpectedSettings,
  control: FluxConfig,
): Promise<DenoiserInputs> {
  const { expected } = context;
  const row = async (name: string): Promise<Float32Array> => {
    const all = await expected.readF32(name);
    const size = all.length / settings.prompts.length;
    return all.slice(settings.prompt_index * size, (settings.prompt_index + 1) * size);
  };
  const identityTokens = await expected.readF32('identity_tokens');
  const textTokens = expected.entries.get('t5_embeds')?.shape[1] ?? 0;
  return {
    pooled: await row('clip_pooled'),
    text: await row('t5_embeds'),
    textTokens,
    identityTokens,
    queries: identityTokens.length / control.jointAttentionDim,
    control: await expected.readF32('control_packed'),
    noise: await expected.readF32('noise_packed'),
  };
}

/**
 * Compares InfuseNet's residuals at the first step. The reference may have recorded them with or without the
 * conditioning scale, which expected.json does not say: the factor that fits the first one is used for all.
 * @returns that factor
 */
async function verifyResiduals(
  context: VerifyContext,
  settings: ExpectedSettings,
  config: FluxConfig,
  weights: NetworkWeights,
  modulations: Modulations,
  inputs: DenoiserInputs,
  grid: { readonly rows: number; readonly cols: number },
): Promise<number> {
  const { expected, prepare, report } = context;
  const session = await openNetwork({
    label: 'InfuseNet',
    provider: prepare.provider,
    build: (builder) => {
      residualGraph(builder.g, { net: builder.network(weights, prepare.profile, 'infusenet'), config }, inputs.queries);
    },
  });
  try {
    const tables = ropeTables({ textTokens: inputs.queries, ...grid, axesDims: config.axesDims });
    const tokens = grid.rows * grid.cols;
    const modulation = modulations.step(0);
    const residuals = await session.run({
      [STEP_IO.latents]: { data: inputs.noise, dims: [tokens, config.inChannels] },
      [STEP_IO.identity]: { data: inputs.identityTokens, dims: [inputs.queries, config.jointAttentionDim] },
      [STEP_IO.control]: { data: inputs.control, dims: [tokens, config.inChannels] },
      [STEP_IO.controlCos]: { data: tables.cos, dims: [tables.tokens, tables.halfDim] },
      [STEP_IO.controlSin]: { data: tables.sin, dims: [tables.tokens, tables.halfDim] },
      [STEP_IO.infuseNetModulation]: { data: modulation, dims: [modulation.length] },
    });
    const names = [...expected.entries.keys()].filter((name) => name.startsWith('residual_'));
    const [first] = names;
    if (first === undefined) return settings.scale;
    const reference = await expected.readF32(first);
    // A reference may record the first rows only.
    const rows = (name: string, all: Float32Array) =>
      all.subarray(0, (expected.entries.get(name)?.shape[1] ?? tokens) * config.hidden);
    const scaled = (name: string, by: number) =>
      rows(name, residuals[name] ?? new Float32Array()).map((value) => value * by);
    const factor = [settings.scale, 1].reduce((best, candidate) =>
      relativeL2(scaled(first, candidate), reference) < relativeL2(scaled(first, best), reference) ? candidate : best,
    );
    for (const name of names) {
      report(checkRelative(name, scaled(name, factor), await expected.readF32(name), NETWORK_LIMIT, `× ${factor}`));
    }
    return factor;
  } finally {
    await session.release();
  }
}

/** [H, W, 3] bytes to [3, H, W]. */
function toPlanes(data: Uint8Array): Uint8Array {
  const pixels = data.length / 3;
  const planes = new Uint8Array(data.length);
  for (let i = 0; i < pixels; i++) for (let c = 0; c < 3; c++) planes[c * pixels + i] = data[3 * i + c] as number;
  return planes;
}

async function withNetwork<N extends { readonly source: TensorSource }, T>(
  opening: Promise<N>,
  work: (network: N) => Promise<T>,
): Promise<T> {
  const network = await opening;
  try {
    return await work(network);
  } finally {
    await network.source.close();
  }
}

/** Whether the folder holds this optional reference file. */
export async function hasFile(folder: string, name: string): Promise<boolean> {
  return (await readdir(folder)).includes(name);
}
