/**
 * What a run's linears read, against the reference's own results, and the errors of their outputs, against a
 * computation that shares nothing with the app's.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPack, type Pack } from '../../../src-main/engine/pack/open-pack.js';
import { computeModulations } from '../../../src-main/engine/pipeline/run/conditioning.js';
import { openComponent } from '../../../src-main/engine/pipeline/packs/convert-pack.js';
import { loadDenoiser } from '../../../src-main/engine/pipeline/run/denoise.js';
import { sampleInputs } from '../../../src-main/engine/pipeline/run/generate.js';
import { InputSamples } from '../../../src-main/engine/pipeline/quantization-errors/input-samples.js';
import { quantizedLinears } from '../../../src-main/engine/pipeline/quantization-errors/layer-errors.js';
import { createMemoStore } from '../../../src-main/engine/pipeline/networks/memo-store.js';
import { outputErrors } from '../../../src-main/engine/pipeline/quantization-errors/output-errors.js';
import { openFlux, openInfuseNet, openT5 } from '../../../src-main/engine/pack/pack-networks.js';
import {
  prepareOnHost,
  prepareQuantized,
  type PrepareContext,
} from '../../../src-main/engine/pipeline/networks/prepared.js';
import type { GenerateRequest, OutputErrors, QuantizedComponent } from '../../../src-main/engine/protocol.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { loadTokenizers } from '../../../src-main/engine/text/load-tokenizers.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import { isConditioningTensor } from '../../../src-main/engine/weights/names/flux.js';
import { openTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';
import type { TensorSource } from '../../../src-main/engine/weights/tensor-source.js';

const PACK = 'test/fixtures/reference-tiny';
const VARIANT = 'aes_stage2';

let folder: string;
let pack: Pack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-outputs-'));
  pack = await openPack(PACK);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (): GenerateRequest => ({
  packPath: PACK,
  cachePath: folder,
  provider: 'cpu',
  formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
  modelVariant: VARIANT,
  identity: { kind: 'embedding', values: Array.from({ length: 512 }, (_, i) => Math.sin(i) / 16) },
  controlImagePath: null,
  prompt: 'A man, portrait, cinematic',
  seed: 42,
  steps: 5,
  width: 96,
  height: 64,
  guidance: 3.5,
  conditioningScale: 1,
  start: 0,
  end: 0.8,
  outputPath: join(folder, 'never-written.png'),
  previewDir: null,
});

async function measured(params: GenerateRequest, component: QuantizedComponent): Promise<OutputErrors> {
  const result = await outputErrors({ run: params, component });
  if (result.measured === null) throw new Error('nothing was measured');
  return result.measured;
}

async function layersOf(component: QuantizedComponent, names?: readonly string[]): Promise<InputSamples> {
  const network = await openComponent({ pack, variant: VARIANT }, component);
  try {
    const entries = quantizedLinears(component, network).filter(({ name }) => names?.includes(name) ?? true);
    return new InputSamples(
      component,
      entries.map(({ name, shape }) => ({ name, k: shape[1] ?? 0 })),
    );
  } finally {
    await network.source.close();
  }
}

/** x [R, K] · wᵀ [K, N] + b, in doubles. */
function product(x: Float32Array, w: ArrayLike<number>, k: number, bias?: Float32Array): number[] {
  const out: number[] = [];
  for (let r = 0; r < x.length; r += k) {
    for (let n = 0; n * k < w.length; n += 1) {
      let sum = bias?.[n] ?? 0;
      for (let i = 0; i < k; i += 1) sum += (x[r + i] ?? 0) * (w[n * k + i] ?? 0);
      out.push(sum);
    }
  }
  return out;
}

const length = (values: readonly number[]): number => Math.hypot(...values);

/** quanto's qint8, written anew in f32 as torch does it: one scale per row, absmax over 127, ties to even. */
function int8(w: Float32Array, k: number): number[] {
  const out: number[] = [];
  for (let begin = 0; begin < w.length; begin += k) {
    const row = w.subarray(begin, begin + k);
    const scale = Math.fround(Math.max(...row.map(Math.abs)) / 127) || 1;
    for (const value of row) {
      const steps = Math.fround(value / scale);
      const below = Math.floor(steps);
      const up = steps - below > 0.5 || (steps - below === 0.5 && below % 2 !== 0);
      out.push((up ? below + 1 : below) * scale);
    }
  }
  return out;
}

describe('what the linears of a run read', () => {
  it('gives the residuals of diffusers through InfuseNet’s last linears', async () => {
    const context: PrepareContext = {
      provider: 'cpu',
      profile: await computeProfile('cpu'),
      cacheDir: folder,
      exact: true,
    };
    const expected = await openTensorFile(join(PACK, 'expected.safetensors'));
    const [flux, infuseNet] = [await openFlux(pack), await openInfuseNet(pack, VARIANT)];
    try {
      const condition = async (kind: 'flux' | 'infusenet', guidance: number) => {
        const network = kind === 'flux' ? flux : infuseNet;
        const weights = await prepareOnHost(context, kind, network, isConditioningTensor);
        const pooled = (await expected.readF32('clip_pooled')).slice(0, network.config.pooledDim);
        const { config } = network;
        return computeModulations({
          kind, config, weights, timesteps: Float32Array.of(1000), guidance, pooled, rounding: 'f32',
        }); // prettier-ignore
      };
      const outputs = ['controlnet_blocks.0', 'controlnet_single_blocks.0', 'controlnet_single_blocks.1'];
      const samples = await layersOf(
        'infusenet',
        outputs.map((name) => `${name}.weight`),
      );
      const denoiser = await loadDenoiser({
        provider: 'cpu',
        profile: context.profile,
        flux: flux.config,
        fluxWeights: await prepareQuantized(context, 'flux', flux, '16-bit'),
        modulations: await condition('flux', 3.5),
        text: (await expected.readF32('t5_embeds')).slice(0, 64 * flux.config.jointAttentionDim),
        textTokens: 64,
        rows: 4,
        cols: 6,
        control: {
          config: infuseNet.config,
          weights: await prepareQuantized(context, 'infusenet', infuseNet, '16-bit'),
          modulations: await condition('infusenet', 1),
          identityTokens: await expected.readF32('identity_tokens'),
          queries: 8,
          control: await expected.readF32('control_packed'),
          scales: [1],
        },
        sampled: { samples, steps: [0] },
      });
      await denoiser.velocity(await expected.readF32('noise_packed'), 0);
      await denoiser.release();
      const { hidden } = infuseNet.config;
      for (const [name, reference] of [
        ['controlnet_blocks.0', 'residual_double_0'],
        ['controlnet_single_blocks.0', 'residual_single_0'],
        ['controlnet_single_blocks.1', 'residual_single_1'],
      ] as const) {
        const { values, rows } = samples.of(`${name}.weight`, hidden);
        expect(rows).toBe(24);
        const weights = await infuseNet.source.readF32(`${name}.weight`);
        const bias = await infuseNet.source.readF32(`${name}.bias`);
        const got = Float32Array.from(product(values, weights, hidden, bias));
        expect(relativeL2(got, await expected.readF32(reference))).toBeLessThan(1e-3);
      }
    } finally {
      await Promise.all([expected, flux.source, infuseNet.source].map((source) => source.close()));
    }
  });

  it('is, for T5’s first linear, the embedding’s rows divided by their root mean square', async () => {
    const q = 'encoder.block.0.layer.0.SelfAttention.q.weight';
    const samples = await layersOf('t5', [q]);
    await sampleInputs(run(), { pack, memo: createMemoStore(), onProgress: () => undefined }, samples);
    const { t5: tokenizer } = await loadTokenizers(pack);
    const { source, config } = await openT5(pack);
    try {
      const table = await source.readF32('shared.weight');
      const norm = await source.readF32('encoder.block.0.layer.0.layer_norm.weight');
      const k = config.hidden;
      const expected = [...tokenizer.encode(run().prompt)].flatMap((id) => {
        const row = [...table.subarray(id * k, (id + 1) * k)];
        const rms = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / k + config.epsilon);
        return row.map((value, i) => (value / rms) * (norm[i] ?? 0));
      });
      const { values } = samples.of(q, k);
      expect(relativeL2(values, Float32Array.from(expected))).toBeLessThan(1e-5);
    } finally {
      await source.close();
    }
  });
});

describe.each(['flux', 't5', 'infusenet'] as const)('output errors of %s', (component) => {
  let result: OutputErrors;
  let samples: InputSamples;
  let source: TensorSource;
  beforeAll(async () => {
    result = await measured(run(), component);
    samples = await layersOf(component);
    await sampleInputs(run(), { pack, memo: createMemoStore(), onProgress: () => undefined }, samples);
    ({ source } = await openComponent({ pack, variant: VARIANT }, component));
  });
  afterAll(() => source.close());

  it('are given without measuring once they are kept', async () => {
    expect((await outputErrors({ run: run(), component, keptOnly: true })).measured).toEqual(result);
    const other = { ...run(), seed: 7, prompt: 'not measured' };
    expect((await outputErrors({ run: other, component, keptOnly: true })).measured).toBeNull();
  });

  it('are those of the products, layer by layer', async () => {
    expect(result.layers.length).toBeGreaterThan(10);
    for (const { name, shape, errors, rows } of result.layers) {
      const [n, k] = shape;
      const weights = await source.readF32(name);
      expect(weights).toHaveLength(n * k);
      const { values } = samples.of(name, k);
      expect(values).toHaveLength(rows * k);
      const [own, rounded] = [product(values, weights, k), product(values, Float32Array.from(int8(weights, k)), k)];
      const error = length(own.map((value, i) => value - (rounded[i] ?? 0))) / length(own);
      expect(errors.int8 / error).toBeCloseTo(1, 2);
    }
  });

  it('are looked at in four steps of those in which the component acts, or in the text', () => {
    const rows = new Set(result.layers.map((layer) => layer.rows));
    const expected = { flux: [24 * 4, 64 * 4], t5: [64], infusenet: [8 * 4, 24 * 4, 32 * 4] }[component];
    expect([...rows].toSorted((a, b) => a - b)).toEqual(expected);
  });

  it('rank the formats as their bits do, and are kept under the run’s id', async () => {
    const { fp8, int8: eight, int4, nf4 } = result.overall;
    expect(eight).toBeLessThan(fp8);
    expect(fp8).toBeLessThan(Math.min(int4, nf4));
    expect(await measured(run(), component)).toEqual(result);
    const names = (await readdir(folder)).filter((name) => name.includes('output-errors'));
    expect(names).toContainEqual(
      expect.stringMatching(new RegExp(`^${component}\\.output-errors\\.[0-9a-f]{16}\\.${result.id}\\.v3\\.json$`)),
    );
    expect(await readdir(folder)).not.toContain('never-written.png');
  });
});

it('another seed is another measurement; InfuseNet in a run without identity has none', async () => {
  const first = await measured(run(), 't5');
  const second = await measured({ ...run(), prompt: 'another' }, 't5');
  expect(second.id).not.toBe(first.id);
  expect(second.overall).not.toEqual(first.overall);
  const without: GenerateRequest = { ...run(), identity: { kind: 'none' } };
  await expect(outputErrors({ run: without, component: 'infusenet' })).rejects.toMatchObject({
    code: 'engine.request-invalid',
  });
});
