/**
 * FLUX's and InfuseNet's full depth (19 + 38 and 4 + 10 blocks) at a small width, with weights of realistic statistics:
 * what overflows f16 shows here, not on the miniature's two blocks.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STEP_IO, stepGraph } from '../../../src-main/engine/graph/denoiser.js';
import { GraphBuilder, type Value } from '../../../src-main/engine/graph/graph-builder.js';
import {
  CPU_PROFILE,
  WEBGPU_F16_PROFILE,
  type ComputeProfile,
} from '../../../src-main/engine/graph/compute-profile.js';
import { InputTap } from '../../../src-main/engine/graph/input-tap.js';
import { Network } from '../../../src-main/engine/graph/network.js';
import { WeightBook } from '../../../src-main/engine/graph/stored-tensor.js';
import { openPack, type Pack } from '../../../src-main/engine/pack/open-pack.js';
import { computeModulations, type Modulations } from '../../../src-main/engine/pipeline/run/conditioning.js';
import { openFlux, openInfuseNet } from '../../../src-main/engine/pack/pack-networks.js';
import { prepareOnHost, prepareQuantized } from '../../../src-main/engine/pipeline/networks/prepared.js';
import type { WeightFormat } from '../../../src-main/engine/protocol.js';
import { locateFromRoot, openSession, type Feed } from '../../../src-main/engine/runtime/session.js';
import { ropeTables } from '../../../src-main/engine/sampling/rope.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import { isConditioningTensor } from '../../../src-main/engine/weights/names/flux.js';
import { DEEP, writeRandomPack } from '../../bench/write-random-pack.js';

const F16_MAX = 65504;
const [ROWS, COLS, TEXT, QUERIES] = [4, 6, 16, 8];

/** Records the largest magnitude of every floating-point value that the blocks compute. */
class MeasuringBuilder extends GraphBuilder {
  readonly largest: Value[] = [];
  static readonly #MEASURED = new Set(['Add', 'Mul', 'Gemm', 'MatMulNBits', 'Gelu', 'LayerNormalization']);

  override nodes(...[op, inputs, attributes, options]: Parameters<GraphBuilder['nodes']>): Value[] {
    const made = super.nodes(op, inputs, attributes, options);
    if (MeasuringBuilder.#MEASURED.has(op)) {
      const size = super.nodes('Abs', [made[0] as Value], {}, {});
      const most = super.nodes('ReduceMax', size, { keepdims: 0 }, {});
      this.largest.push(...super.nodes('Reshape', [...most, this.i64([1])], {}, {}));
    }
    return made;
  }
}

let folder: string;
let pack: Pack;
/** On the host in f32 for every profile. */
let modulations: { readonly flux: Modulations; readonly infusenet: Modulations };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-deep-'));
  await writeRandomPack(join(folder, 'pack'), DEEP);
  pack = await openPack(join(folder, 'pack'));
  const flux = await openFlux(pack);
  const control = await openInfuseNet(pack, [...pack.variants.keys()][0] ?? '');
  const context = { provider: 'cpu', profile: CPU_PROFILE, cacheDir: join(folder, 'cache'), exact: false } as const;
  const condition = async (kind: 'flux' | 'infusenet', network: typeof flux, guidance: number) =>
    computeModulations({
      kind,
      config: network.config,
      weights: await prepareOnHost(context, kind, network, isConditioningTensor),
      timesteps: Float32Array.of(1000),
      guidance,
      pooled: wave(flux.config.pooledDim),
      rounding: 'f32',
    });
  modulations = { flux: await condition('flux', flux, 3.5), infusenet: await condition('infusenet', control, 1) };
  await Promise.all([flux.source.close(), control.source.close()]);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Step {
  readonly velocity: Float32Array;
  /** The largest magnitude inside; null when it was not measured. */
  readonly largest: number | null;
  /** What the linears read; empty where they are not tapped. */
  readonly inputs: readonly { readonly weight: string; readonly values: Float32Array | undefined }[];
}
const steps = new Map<string, Promise<Step>>();

/** One step with InfuseNet, computed once for all tests; of the f32 ones, the first is measured, the others tapped. */
function step(profile: ComputeProfile, format: WeightFormat): Promise<Step> {
  const key = JSON.stringify([profile, format]);
  const measure = profile === CPU_PROFILE && format === '16-bit';
  const tap = measure || profile === WEBGPU_F16_PROFILE ? undefined : new InputTap(() => [1, 4]);
  const made = steps.get(key) ?? computeStep(profile, format, measure, tap);
  steps.set(key, made);
  return made;
}

async function computeStep(
  profile: ComputeProfile,
  format: WeightFormat,
  measure: boolean,
  tap: InputTap | undefined,
): Promise<Step> {
  const context = { provider: 'cpu' as const, profile, cacheDir: join(folder, 'cache'), exact: false };
  const flux = await openFlux(pack);
  const control = await openInfuseNet(pack, [...pack.variants.keys()][0] ?? '');
  const g = measure ? new MeasuringBuilder('deep') : new GraphBuilder('deep');
  const network = async (prefix: 'flux' | 'infusenet', source: typeof flux) => {
    const weights = await prepareQuantized(context, prefix, source, format);
    const book = new WeightBook(weights.label, weights.tensors);
    return new Network(g, profile, book, prefix, locateFromRoot, prefix === 'flux' ? tap : null);
  };
  const tokens = ROWS * COLS;
  stepGraph(
    g,
    { net: await network('flux', flux), config: flux.config },
    { net: await network('infusenet', control), config: control.config },
    { textTokens: TEXT, identityTokens: QUERIES, imageTokens: tokens },
  );
  if (g instanceof MeasuringBuilder) {
    const all = g.node('Concat', g.largest, { axis: 0 });
    g.output('largest', g.node('ReduceMax', [all], { keepdims: 1 }), 'f32', [1]);
  }
  const rope = (textTokens: number) =>
    ropeTables({ textTokens, rows: ROWS, cols: COLS, axesDims: flux.config.axesDims });
  const feed = (data: Float32Array, ...dims: number[]): Feed => ({ data, dims });
  const [own, side] = [rope(TEXT), rope(QUERIES)];
  const { inChannels, jointAttentionDim } = flux.config;
  // Half of the time of this file was the optimizer's search among the casts that the CPU needs around f16.
  const session = await openSession(g.finish(), '/', { provider: 'cpu', label: 'the deep step', asWritten: true });
  try {
    const result = await session.run({
      [STEP_IO.latents]: feed(wave(tokens * inChannels), tokens, inChannels),
      [STEP_IO.text]: feed(wave(TEXT * jointAttentionDim), TEXT, jointAttentionDim),
      [STEP_IO.cos]: feed(own.cos, own.tokens, own.halfDim),
      [STEP_IO.sin]: feed(own.sin, own.tokens, own.halfDim),
      [STEP_IO.fluxModulation]: feed(modulations.flux.step(0), modulations.flux.step(0).length),
      [STEP_IO.identity]: feed(wave(QUERIES * jointAttentionDim), QUERIES, jointAttentionDim),
      [STEP_IO.control]: feed(wave(tokens * inChannels), tokens, inChannels),
      [STEP_IO.controlCos]: feed(side.cos, side.tokens, side.halfDim),
      [STEP_IO.controlSin]: feed(side.sin, side.tokens, side.halfDim),
      [STEP_IO.infuseNetModulation]: feed(modulations.infusenet.step(0), modulations.infusenet.step(0).length),
      [STEP_IO.residualScale]: feed(Float32Array.of(1), 1),
    });
    return {
      velocity: (result[STEP_IO.velocity] as Float32Array).slice(),
      largest: result['largest']?.[0] ?? null,
      inputs: [...(tap?.outputs ?? [])].map(([weight, output]) => ({ weight, values: result[output]?.slice() })),
    };
  } finally {
    await session.release();
    await flux.source.close();
    await control.source.close();
  }
}

/** Values of unit variance without a pattern that a network could average out. */
function wave(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.SQRT2 * Math.sin(1 + i * i * 0.37));
}

describe('the denoiser at full depth', () => {
  it('keeps every value of the f32 graph far inside the range of f16', async () => {
    const { largest, velocity } = await step(CPU_PROFILE, '16-bit');
    expect(velocity.every(Number.isFinite)).toBe(true);
    expect(largest).toBeGreaterThan(1);
    expect(largest).toBeLessThan(F16_MAX / 64);
  });

  // Measured here: 0.0021 and 0.0064; the largest value above 19.7.
  it.each(['int8', 'nf4'] as const)('does not depend on whether %s MLPs go by panels', async (format) => {
    const whole = await step(CPU_PROFILE, format);
    const panels = await step({ ...CPU_PROFILE, panels: true }, format);
    expect(relativeL2(panels.velocity, whole.velocity)).toBeLessThan(1e-5);
    // What the linears read is the same, too, and a linear of a block's end reads it by parts.
    const byName = new Map(panels.inputs.map(({ weight, values }) => [weight, values]));
    expect([...byName.keys()].toSorted()).toEqual(whole.inputs.map(({ weight }) => weight).toSorted());
    for (const { weight, values = new Float32Array() } of whole.inputs) {
      expect(values.length).toBeGreaterThan(0);
      expect(relativeL2(byName.get(weight) ?? new Float32Array(), values)).toBeLessThan(1e-4);
    }
  });

  it.each([
    ['16-bit', 0.01],
    ['nf4', 0.03],
  ] as const)('stays finite and near f32 in f16 with %s weights', async (format, limit) => {
    const f32 = await step(CPU_PROFILE, format);
    const f16 = await step(WEBGPU_F16_PROFILE, format);
    expect(f16.velocity.every(Number.isFinite)).toBe(true);
    expect(relativeL2(f16.velocity, f32.velocity)).toBeLessThan(limit);
  });
}, 180_000);
