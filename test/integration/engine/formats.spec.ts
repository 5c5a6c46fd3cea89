import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CPU_PROFILE,
  CUDA_PROFILE,
  DML_PROFILE,
  type ComputeProfile,
} from '../../../src-main/engine/graph/compute-profile.js';
import type { FluxConfig } from '../../../src-main/engine/graph/flux-config.js';
import { partsOf, type StoredTensor } from '../../../src-main/engine/graph/stored-tensor.js';
import { openPack, type Pack } from '../../../src-main/engine/pack/open-pack.js';
import { computeModulations, type Modulations } from '../../../src-main/engine/pipeline/run/conditioning.js';
import { loadDenoiser } from '../../../src-main/engine/pipeline/run/denoise.js';
import type { NetworkWeights } from '../../../src-main/engine/pipeline/networks/network-session.js';
import { openFlux, openInfuseNet, type PackNetwork } from '../../../src-main/engine/pack/pack-networks.js';
import {
  prepareOnHost,
  prepareQuantized,
  type PrepareContext,
} from '../../../src-main/engine/pipeline/networks/prepared.js';
import { FORMAT_FACTS, LOSSY_FORMATS, type Provider, type WeightFormat } from '../../../src-main/engine/protocol.js';
import { decodeStorage } from '../../../src-main/engine/quant/formats/storage.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { openTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';
import { isConditioningTensor } from '../../../src-main/engine/weights/names/flux.js';
import type { TensorSource } from '../../../src-main/engine/weights/tensor-source.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import { SOFTWARE_GPU } from '../support/software-gpu.js';

const FIXTURE = 'test/fixtures/reference-tiny';
const FORMATS = LOSSY_FORMATS;
const PROVIDERS: readonly Provider[] = SOFTWARE_GPU === null ? ['cpu'] : ['cpu', 'webgpu'];
/** FLUX's format, then InfuseNet's. */
type FormatPair = readonly [flux: WeightFormat, infuseNet: WeightFormat];
interface Case {
  /** Whose operators. */
  readonly operators: Provider;
  readonly provider: Provider;
  /** Null for the provider's own. */
  readonly profile: ComputeProfile | null;
  readonly pairs: readonly FormatPair[];
}
const ALIKE: readonly FormatPair[] = FORMATS.map((format) => [format, format]);
/** Software shaders are slow to compile and to run: every format in one of a few sessions. */
const MIXED: readonly FormatPair[] = [
  ['fp8', 'int8'],
  ['nf4', 'int4'],
  ['q8_0', 'q4_0'],
  ['q6_k', 'q5_k'],
  ['q4_k', 'mxfp4'],
  ['nvfp4', 'nvfp4_ggml'],
];
/** Formats for which a profile has operators that none of the others has. */
function unlike(profile: ComputeProfile, ...others: readonly ComputeProfile[]): readonly FormatPair[] {
  return ALIKE.filter(([format]) => others.every(({ operators }) => operators[format] !== profile.operators[format]));
}
/** CUDA's and DirectML's operators can be run here in f32 on other providers; their own kernels cannot. */
const ELSEWHERE: readonly Case[] = [
  {
    operators: 'cuda',
    provider: 'cpu',
    profile: { ...CUDA_PROFILE, dtype: 'f32' },
    // Its bias is added by another node.
    pairs: [...ALIKE.slice(0, 2), ...unlike(CUDA_PROFILE, CPU_PROFILE)],
  },
  {
    operators: 'dml',
    provider: 'cpu',
    profile: { ...DML_PROFILE, dtype: 'f32' },
    pairs: unlike(DML_PROFILE, CPU_PROFILE, CUDA_PROFILE),
  },
  // Those of its operators that no other profile has. Software shaders' fused attention is wrong.
  {
    operators: 'dml',
    provider: 'webgpu',
    profile: { ...DML_PROFILE, dtype: 'f32', attention: 'composed' },
    pairs: [['int8', 'nf4']],
  },
];
const CASES: readonly Case[] = [
  ...PROVIDERS.map((provider) => ({
    operators: provider,
    provider,
    profile: null,
    pairs: provider === 'webgpu' ? MIXED : ALIKE,
  })),
  ...ELSEWHERE.filter(({ provider }) => PROVIDERS.includes(provider)),
];
/** Only f32 rounding may separate a packed run from an f32 run on the values that the packed bytes stand for. */
const LIMIT = 1e-3;
/** The miniature's velocity differs by 0.14 in MXFP4, the coarsest format. */
const MOST_CHANGE = 0.2;

let folder: string;
let pack: Pack;
let expected: TensorSource;
let flux: PackNetwork<FluxConfig>;
let infuseNet: PackNetwork<FluxConfig>;
let modulations: { readonly flux: Modulations; readonly infusenet: Modulations };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-formats-'));
  pack = await openPack(FIXTURE);
  expected = await openTensorFile(join(FIXTURE, 'expected.safetensors'));
  flux = await openFlux(pack);
  infuseNet = await openInfuseNet(pack, 'aes_stage2');
  const pooled = (await expected.readF32('clip_pooled')).slice(0, flux.config.pooledDim);
  const context = await contextFor('cpu');
  const condition = async (kind: 'flux' | 'infusenet', network: PackNetwork<FluxConfig>, guidance: number) =>
    computeModulations({
      kind,
      config: network.config,
      weights: await prepareOnHost(context, kind, network, isConditioningTensor),
      timesteps: Float32Array.of(1000),
      guidance,
      pooled,
      rounding: 'f32',
    });
  modulations = { flux: await condition('flux', flux, 3.5), infusenet: await condition('infusenet', infuseNet, 1) };
});

afterAll(async () => {
  await Promise.all([expected, flux.source, infuseNet.source].map((source) => source.close()));
  await rm(folder, { recursive: true, force: true });
});

async function contextFor(provider: Provider, profile: ComputeProfile | null = null): Promise<PrepareContext> {
  return { provider, profile: profile ?? (await computeProfile(provider)), cacheDir: folder, exact: true };
}

/** Velocity of the first step with the fixture's inputs, and the packed bytes that the session holds. */
async function velocity(context: PrepareContext, fluxWeights: NetworkWeights, control: NetworkWeights) {
  const identityTokens = await expected.readF32('identity_tokens');
  const denoiser = await loadDenoiser({
    provider: context.provider,
    profile: context.profile,
    flux: flux.config,
    fluxWeights,
    modulations: modulations.flux,
    text: (await expected.readF32('t5_embeds')).slice(0, 64 * flux.config.jointAttentionDim),
    textTokens: 64,
    rows: 4,
    cols: 6,
    control: {
      config: infuseNet.config,
      weights: control,
      modulations: modulations.infusenet,
      identityTokens,
      queries: 8,
      control: await expected.readF32('control_packed'),
      scales: [1],
    },
  });
  try {
    const values = await denoiser.velocity(await expected.readF32('noise_packed'), 0);
    return { values: values.slice(), weightBytes: denoiser.weightBytes };
  } finally {
    await denoiser.release();
  }
}

/** The same parameters as plain f32, decoded by the format's own rule. */
async function dequantized(weights: NetworkWeights, tag: string): Promise<NetworkWeights> {
  const tensors = new Map<string, StoredTensor>();
  let index = 0;
  for (const tensor of weights.tensors.values()) {
    const { storage } = tensor;
    if (storage.kind === 'plain' || storage.kind === 'panels') {
      tensors.set(tensor.name, tensor);
      continue;
    }
    const parts = new Map<string, Uint8Array>();
    for (const [suffix, part] of Object.entries(storage.parts)) {
      const bytes = await readFile(part.file);
      parts.set(suffix, Uint8Array.from(bytes.subarray(part.offset, part.offset + part.length)));
    }
    const [n, k] = tensor.shape as [number, number];
    const values = decodeStorage(storage.kind, parts, n, k, 'f32');
    const file = join(folder, `${tag}-${index++}.f32`);
    await writeFile(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    const value = { type: 'f32' as const, shape: tensor.shape, file, offset: 0, length: values.byteLength };
    tensors.set(tensor.name, { name: tensor.name, shape: tensor.shape, storage: { kind: 'plain', value } });
  }
  return { label: weights.label, tensors };
}

interface PackedRun {
  readonly flux: NetworkWeights;
  readonly control: NetworkWeights;
  readonly values: Float32Array;
  readonly weightBytes: number;
}
const packedRuns = new Map<string, Promise<PackedRun>>();

/** The step with packed weights, run once for all tests: a software GPU takes long to compile its shaders. */
function packedRun(own: Case, pair: FormatPair): Promise<PackedRun> {
  const key = `${own.operators} ${own.provider} ${pair.join(' ')}`;
  const run = packedRuns.get(key) ?? runPacked(own, pair);
  packedRuns.set(key, run);
  return run;
}

async function runPacked({ provider, profile }: Case, [ofFlux, ofInfuseNet]: FormatPair): Promise<PackedRun> {
  const context = await contextFor(provider, profile);
  const fluxPacked = await prepareQuantized(context, 'flux', flux, ofFlux);
  const controlPacked = await prepareQuantized(context, 'infusenet', infuseNet, ofInfuseNet);
  return { flux: fluxPacked, control: controlPacked, ...(await velocity(context, fluxPacked, controlPacked)) };
}

describe.each(CASES)('with the operators of $operators on $provider', (own) => {
  it.each(own.pairs)(
    '%s (InfuseNet %s) differs from f32 only by what its dequantized weights explain',
    async (...pair) => {
      const packed = await packedRun(own, pair);
      const tag = `${own.operators}-${own.provider}-${pair.join('-')}`;
      // On the CPU for either provider, so that no kernel is held against itself.
      const reference = await velocity(
        await contextFor('cpu'),
        await dequantized(packed.flux, `${tag}-flux`),
        await dequantized(packed.control, `${tag}-control`),
      );
      const exact = await expected.readF32('velocity_step0');
      expect(relativeL2(packed.values, reference.values)).toBeLessThan(LIMIT);
      // The format does change the result: the test above is not comparing a thing with itself.
      const change = relativeL2(packed.values, exact);
      expect(change).toBeGreaterThan(LIMIT);
      // … and is near what it stands for: weights that are lost change the result by more.
      expect(change).toBeLessThan(MOST_CHANGE);
    },
  );

  it.each(own.pairs)('%s (InfuseNet %s) keeps its weights packed in the session', async (...pair) => {
    const packed = await packedRun(own, pair);
    let elements = 0;
    for (const [weights, format] of [
      [packed.flux, pair[0]],
      [packed.control, pair[1]],
    ] as const) {
      const linears = [...weights.tensors.values()].filter(({ storage }) => storage.kind !== 'plain');
      const own = linears.reduce((sum, { shape }) => sum + (shape[0] as number) * (shape[1] as number), 0);
      // f32 scales here; the miniature's widths of 48 and 64 pad int4 and int8 blocks.
      expect(packedBytesOf(linears) * 8).toBeLessThan(own * (FORMAT_FACTS[format].bits + 2.2));
      expect(linears.length).toBeGreaterThan(20);
      elements += own;
    }
    expect(packed.weightBytes).toBeLessThan(elements * 4);
  });
});

function packedBytesOf(linears: readonly StoredTensor[]): number {
  return linears.flatMap(({ storage }) => partsOf(storage)).reduce((bytes, { length }) => bytes + length, 0);
}

describe('the cache', () => {
  it('is written once and reused', async () => {
    const context = await contextFor('cpu');
    const first = await prepareQuantized(context, 'flux', flux, 'nf4');
    const before = await stat(first.cacheFile ?? '');
    const second = await prepareQuantized(context, 'flux', flux, 'nf4');
    expect(second.cacheFile).toBe(first.cacheFile);
    expect((await stat(second.cacheFile ?? '')).mtimeMs).toBe(before.mtimeMs);
  });

  it('holds nothing half-written after a cancelled conversion', async () => {
    const controller = new AbortController();
    const context = { ...(await contextFor('cpu')), cacheDir: join(folder, 'cancelled'), signal: controller.signal };
    controller.abort();
    await expect(prepareQuantized(context, 'flux', flux, 'int8')).rejects.toMatchObject({ name: 'AbortError' });
    const { readdir } = await import('node:fs/promises');
    expect(await readdir(context.cacheDir).catch(() => [])).toEqual([]);
  });
});
