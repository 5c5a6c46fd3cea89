/** `verify` of the denoising loop: schedule, InfuseNet's residuals, velocity, latents after each step, picture. */
import { residualGraph, STEP_IO } from '../graph/denoiser.js';
import type { FluxConfig } from '../graph/flux-config.js';
import type { VaeConfig } from '../graph/vae.js';
import { floatToImage } from '../image/float-image.js';
import type { Pack } from '../pack/open-pack.js';
import { computeModulations, type Modulations } from '../pipeline/run/conditioning.js';
import { denoise, loadDenoiser } from '../pipeline/run/denoise.js';
import { openNetwork, type NetworkWeights } from '../pipeline/networks/network-session.js';
import { openFlux, openInfuseNet, openVae, readScheduler, type PackNetwork } from '../pack/pack-networks.js';
import { prepareOnHost, prepareQuantized } from '../pipeline/networks/prepared.js';
import { decoderLatents, loadDecoder, vaeScale } from '../pipeline/networks/vae-codec.js';
import { keepFactors } from '../sampling/gating.js';
import { latentShape, tokenGrid, type LatentShape } from '../sampling/latents.js';
import { ropeTables } from '../sampling/rope.js';
import { buildSchedule, parseSchedulerConfig } from '../sampling/schedule.js';
import { isConditioningTensor } from '../weights/names/flux.js';
import { checkMaxAbs, checkRelative, relativeL2 } from './checks.js';
import type { ExpectedSettings } from './expected-settings.js';
import { firstVariant, limitsOf, withExpected, withNetwork, type VerifyContext } from './verify-context.js';

const SIGMA_LIMIT = 1e-6;
/** Timesteps are 1000·sigma in f32. */
const TIMESTEP_LIMIT = 1e-3;
/** InfuseNet's guidance is fixed upstream. */
const INFUSENET_GUIDANCE = 1;

/** @throws AppError of the readers and sessions; a wrong number is a failed check */
export async function verifyDenoiser(context: VerifyContext, pack: Pack, settings: ExpectedSettings): Promise<void> {
  const { expected, report, prepare } = context;
  const limits = limitsOf(prepare);
  await withNetwork(openFlux(pack), (flux) =>
    withNetwork(openInfuseNet(pack, firstVariant(pack)), (infuseNet) =>
      withNetwork(openVae(pack), async (vae) => {
        const scale = vaeScale(vae.config);
        const shape = latentShape(settings.width, settings.height, vae.config.latentChannels, scale);
        const grid = tokenGrid(shape);
        const scheduler = parseSchedulerConfig(await readScheduler(pack));
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
          ...(prepare.deviceId === undefined ? {} : { deviceId: prepare.deviceId }),
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
          report(checkRelative('velocity_step0', found, velocity, limits.network, `residuals × ${used}`));
          const without = await denoiser.velocity(inputs.noise, 0, 0);
          await withExpected(context, 'velocity_step0_no_infusenet', (reference) =>
            report(checkRelative('velocity_step0_no_infusenet', without, reference, limits.network)),
          );
          const trajectory = await expected.readF32('latents_after_step');
          await denoise(denoiser, schedule, latents, async ({ step, latents: now }) => {
            const reference = trajectory.subarray((step - 1) * now.length, step * now.length);
            report(checkRelative(`latents_after_step[${step - 1}]`, now, reference, limits.latents));
          });
        } finally {
          await denoiser.release();
        }
        await verifyDecoded(context, vae, shape, latents);
      }),
    ),
  );
}

/** Checks the decoder on the reference's last latents, and the picture from our own latents. */
async function verifyDecoded(
  context: VerifyContext,
  vae: PackNetwork<VaeConfig>,
  shape: LatentShape,
  latents: Float32Array,
): Promise<void> {
  const { expected, report, prepare } = context;
  const limits = limitsOf(prepare);
  const scale = vaeScale(vae.config);
  const decoder = await loadDecoder(prepare, vae, shape);
  try {
    const trajectory = await expected.readF32('latents_after_step');
    const last = trajectory.slice(trajectory.length - latents.length);
    await withExpected(context, 'decoded', async (reference) => {
      const decoded = await decoder.decode(decoderLatents(last, vae.config, shape));
      report(checkRelative('decoded', decoded, reference, limits.network, "from the reference's latents"));
    });
    await withExpected(context, 'image_u8', async (reference) => {
      const own = await decoder.decode(decoderLatents(latents, vae.config, shape));
      const image = floatToImage(own, shape.width * scale, shape.height * scale);
      report(checkMaxAbs('image_u8', toPlanes(image.data), reference, limits.image));
    });
  } finally {
    await decoder.session.release();
  }
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
 * Compares InfuseNet's residuals at the first step. The reference may include the conditioning scale or not, which is not
 * in expected.json: the factor that fits the first residual is used for all.
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
  const limits = limitsOf(prepare);
  const session = await openNetwork({
    label: 'InfuseNet',
    device: prepare,
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
    // A reference may contain only the first rows.
    const rows = (name: string, all: Float32Array) =>
      all.subarray(0, (expected.entries.get(name)?.shape[1] ?? tokens) * config.hidden);
    const scaled = (name: string, by: number) =>
      rows(name, residuals[name] ?? new Float32Array()).map((value) => value * by);
    const factor = [settings.scale, 1].reduce((best, candidate) =>
      relativeL2(scaled(first, candidate), reference) < relativeL2(scaled(first, best), reference) ? candidate : best,
    );
    for (const name of names) {
      report(checkRelative(name, scaled(name, factor), await expected.readF32(name), limits.network, `× ${factor}`));
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
