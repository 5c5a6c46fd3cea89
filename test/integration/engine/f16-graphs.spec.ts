/**
 * The f16 graphs that GPUs run, on the CPU provider: the runtime puts casts around kernels that it lacks in f16, so the
 * graphs' types and formulas can be checked without a GPU. Their speed and the GPU's own kernels cannot.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CPU_PROFILE,
  CUDA_PROFILE,
  DML_PROFILE,
  WEBGPU_F16_PROFILE,
  type ComputeProfile,
} from '../../../src-main/engine/graph/compute-profile.js';
import { openPack, type Pack } from '../../../src-main/engine/pack/open-pack.js';
import { computeModulations } from '../../../src-main/engine/pipeline/run/conditioning.js';
import { loadDenoiser } from '../../../src-main/engine/pipeline/run/denoise.js';
import { loadT5 } from '../../../src-main/engine/pipeline/networks/encode-text.js';
import { openFlux, openT5, openVae } from '../../../src-main/engine/pack/pack-networks.js';
import {
  prepareOnHost,
  prepareQuantized,
  type PrepareContext,
} from '../../../src-main/engine/pipeline/networks/prepared.js';
import { decoderLatents, loadDecoder } from '../../../src-main/engine/pipeline/networks/vae-codec.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import type { WeightFormat } from '../../../src-main/engine/protocol.js';
import { isConditioningTensor } from '../../../src-main/engine/weights/names/flux.js';
import { openTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';
import type { TensorSource } from '../../../src-main/engine/weights/tensor-source.js';

const FIXTURE = 'test/fixtures/reference-tiny';
/**
 * Measured here: 0.0007 (16-bit, fp8, int8), 0.004 (int4, whose scales are searched again in f16), 0.008 (nf4, whose
 * codebook is rounded to 1/127), under 3e-5 (T5, VAE).
 */
const F16_LIMIT = 1e-2;

let cacheDir: string;
let pack: Pack;
let expected: TensorSource;
let context: PrepareContext;

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'likeness-lab-f16-'));
  pack = await openPack(FIXTURE);
  expected = await openTensorFile(join(FIXTURE, 'expected.safetensors'));
  context = { provider: 'cpu', profile: WEBGPU_F16_PROFILE, cacheDir, exact: false };
});
afterAll(async () => {
  await expected.close();
  await rm(cacheDir, { recursive: true, force: true });
});

/** FLUX alone at the first step. */
async function velocity(profile: ComputeProfile, format: WeightFormat): Promise<Float32Array> {
  const flux = await openFlux(pack);
  const own = { ...context, profile };
  const denoiser = await loadDenoiser({
    provider: 'cpu',
    profile,
    flux: flux.config,
    fluxWeights: await prepareQuantized(own, 'flux', flux, format),
    modulations: await computeModulations({
      kind: 'flux',
      config: flux.config,
      weights: await prepareOnHost(own, 'flux', flux, isConditioningTensor),
      timesteps: Float32Array.of(1000),
      guidance: 3.5,
      pooled: (await expected.readF32('clip_pooled')).slice(0, flux.config.pooledDim),
      rounding: 'f32',
    }),
    text: (await expected.readF32('t5_embeds')).slice(0, 64 * flux.config.jointAttentionDim),
    textTokens: 64,
    rows: 4,
    cols: 6,
    control: null,
  });
  try {
    return (await denoiser.velocity(await expected.readF32('noise_packed'), 0)).slice();
  } finally {
    await denoiser.release();
    await flux.source.close();
  }
}

const PROFILES = { webgpu: WEBGPU_F16_PROFILE, cuda: CUDA_PROFILE, dml: DML_PROFILE };

describe.each(['webgpu', 'cuda', 'dml'] as const)('the f16 graphs of %s', (provider) => {
  const profile = PROFILES[provider];

  it('of FLUX agree with the reference', async () => {
    const reference = await expected.readF32('velocity_step0_no_infusenet');
    expect(relativeL2(await velocity(profile, '16-bit'), reference)).toBeLessThan(F16_LIMIT);
  });

  it.each(['fp8', 'int8', 'int4', 'nf4'] as const)(
    'of FLUX in %s agree with the f32 graph of the same format',
    async (format) => {
      const f32 = await velocity(CPU_PROFILE, format);
      expect(relativeL2(await velocity(profile, format), f32)).toBeLessThan(F16_LIMIT);
    },
  );
});

describe('the f16 graphs', () => {
  it('of T5 agree with the reference', async () => {
    const network = await openT5(pack);
    const t5 = await loadT5(context, network, '16-bit');
    const ids = Int32Array.from((await expected.readF32('t5_input_ids')).slice(0, 64));
    const reference = (await expected.readF32('t5_embeds')).slice(0, 64 * network.config.hidden);
    expect(relativeL2(await t5.encode(ids), reference)).toBeLessThan(F16_LIMIT);
    await t5.release();
    await network.source.close();
  });

  it('of the VAE agree with the reference', async () => {
    const vae = await openVae(pack);
    const shape = { channels: 16, height: 8, width: 12 };
    const decoder = await loadDecoder(context, vae, shape);
    const trajectory = await expected.readF32('latents_after_step');
    const last = trajectory.slice(trajectory.length * 0.75);
    const planes = await decoder.decode(decoderLatents(last, vae.config, shape));
    expect(relativeL2(planes, await expected.readF32('decoded'))).toBeLessThan(F16_LIMIT);
    await decoder.session.release();
    await vae.source.close();
  });
});
