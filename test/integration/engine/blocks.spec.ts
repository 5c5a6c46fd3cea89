/** Networks block by block: the same numbers wherever the weights are, and as in one graph. By the C API on the CPU. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defined } from '../../../src-main/base/assert.js';
import type { FluxConfig } from '../../../src-main/engine/graph/flux-config.js';
import { CPU_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { denoiserProgram } from '../../../src-main/engine/graph/denoiser-program.js';
import { WeightBook } from '../../../src-main/engine/graph/stored-tensor.js';
import type { T5Config } from '../../../src-main/engine/graph/t5-encoder.js';
import { openFlux, openInfuseNet, openT5, type PackNetwork } from '../../../src-main/engine/pack/pack-networks.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import type { NetworkWeights } from '../../../src-main/engine/pipeline/networks/network-session.js';
import { prepareQuantized, type PrepareContext } from '../../../src-main/engine/pipeline/networks/prepared.js';
import type { Modulations } from '../../../src-main/engine/pipeline/run/conditioning.js';
import { loadDenoiser, type DenoiserRequest } from '../../../src-main/engine/pipeline/run/denoise.js';
import { WEIGHT_FORMATS, type WeightFormat } from '../../../src-main/engine/protocol.js';
import type { WeightMemory } from '../../../src-main/engine/runtime/session.js';
import { modulationLayout } from '../../../src-main/engine/graph/modulation-layout.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import { ownLibrary } from '../support/runtime-library.js';

const LIBRARY = ownLibrary();
const FIXTURE = 'test/fixtures/reference-tiny';
const ROWS = 4;
const COLS = 6;
const TEXT_TOKENS = 16;
const QUERIES = 8;
const RESIDENT: WeightMemory = { deviceBytes: Infinity, hostBytes: Infinity, onePass: false };
const BEFORE = { ...process.env };

let folder: string;
let flux: PackNetwork<FluxConfig>;
let infuseNet: PackNetwork<FluxConfig>;
let t5: PackNetwork<T5Config>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-blocks-'));
  const pack = await openPack(FIXTURE);
  [flux, infuseNet, t5] = await Promise.all([openFlux(pack), openInfuseNet(pack, 'aes_stage2'), openT5(pack)]);
});

afterAll(async () => {
  process.env = BEFORE;
  await Promise.all([flux, infuseNet, t5].map(({ source }) => source.close()));
  await rm(folder, { recursive: true, force: true });
});

/** Chooses how the CPU runs networks. */
function runBy(way: 'blocks' | 'whole'): void {
  process.env['LIKENESS_LAB_CPU_RUNTIME'] = way === 'blocks' ? (LIBRARY ?? '') : '';
  process.env['LIKENESS_LAB_CPU_BLOCKS'] = way === 'blocks' ? '1' : '';
}

const context = (): PrepareContext => ({ provider: 'cpu', profile: CPU_PROFILE, cacheDir: folder, exact: false });

/** Repeatable values of about unit size. */
function values(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function modulations({ doubleBlocks, singleBlocks, hidden }: FluxConfig, final: boolean): Modulations {
  const { count } = modulationLayout(doubleBlocks, singleBlocks, final);
  return { step: (index) => values(count * hidden, 100 + index + (final ? 0 : 50)) };
}

interface Weights {
  readonly flux: NetworkWeights;
  readonly infusenet: NetworkWeights;
}

async function weightsIn(format: WeightFormat): Promise<Weights> {
  return {
    flux: await prepareQuantized(context(), 'flux', flux, format),
    infusenet: await prepareQuantized(context(), 'infusenet', infuseNet, format),
  };
}

function request(weights: Weights, memory: WeightMemory, signal?: AbortSignal): DenoiserRequest {
  const tokens = ROWS * COLS;
  return {
    provider: 'cpu',
    profile: CPU_PROFILE,
    flux: flux.config,
    fluxWeights: weights.flux,
    modulations: modulations(flux.config, true),
    text: values(TEXT_TOKENS * flux.config.jointAttentionDim, 1),
    textTokens: TEXT_TOKENS,
    rows: ROWS,
    cols: COLS,
    control: {
      config: infuseNet.config,
      weights: weights.infusenet,
      modulations: modulations(infuseNet.config, false),
      identityTokens: values(QUERIES * infuseNet.config.jointAttentionDim, 2),
      queries: QUERIES,
      control: values(tokens * infuseNet.config.inChannels, 3),
      scales: [1, 0.5, 0],
    },
    memory,
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Velocities of three steps. */
async function velocities(weights: Weights, memory: WeightMemory) {
  const denoiser = await loadDenoiser(request(weights, memory));
  try {
    const steps: Float32Array[] = [];
    for (const step of [0, 1, 2]) {
      steps.push(await denoiser.velocity(values(ROWS * COLS * flux.config.inChannels, 7 + step), step));
    }
    return { steps, places: denoiser.places, weightBytes: denoiser.weightBytes };
  } finally {
    await denoiser.release();
  }
}

describe.skipIf(LIBRARY === null)('a denoiser, block by block', () => {
  it.each(WEIGHT_FORMATS)('computes the same bits in %s, wherever its weights are', async (format) => {
    const weights = await weightsIn(format);
    runBy('whole');
    const whole = await velocities(weights, RESIDENT);
    expect(whole.places).toBeNull();
    runBy('blocks');
    const resident = await velocities(weights, RESIDENT);
    expect(resident.weightBytes).toBe(whole.weightBytes);
    expect(resident.places).toMatchObject({ streamedBytes: 0, fromDiskBytes: 0 });
    // The CPU's 4- and 8-bit products have other kernels for weights that are no constants.
    resident.steps.forEach((step, index) => {
      expect(relativeL2(step, defined(whole.steps[index], 'a step'))).toBeLessThan(2e-6);
    });
    const all = defined(resident.places ?? undefined, 'places').residentBytes;
    const least = leastOf(weights);
    for (const deviceBytes of [least, (least + all) / 2, all - 1]) {
      for (const hostBytes of [Infinity, all / 4, 0]) {
        const streamed = await velocities(weights, { deviceBytes, hostBytes, onePass: false });
        expect(streamed.steps).toEqual(resident.steps);
        const places = defined(streamed.places ?? undefined, 'places');
        expect(places.residentBytes).toBeLessThan(deviceBytes);
        expect(places.streamedBytes).toBeGreaterThan(0);
        if (hostBytes === 0) expect(places.fromDiskBytes).toBe(places.streamedBytes);
        if (hostBytes === Infinity) expect(places.fromDiskBytes).toBe(0);
      }
    }
  });
});

/** The device's bytes for one slot. */
function leastOf(weights: Weights): number {
  const book = ({ label, tensors }: NetworkWeights) => new WeightBook(label, tensors);
  const program = denoiserProgram(
    { book: book(weights.flux), config: flux.config, tokens: TEXT_TOKENS },
    { book: book(weights.infusenet), config: infuseNet.config, tokens: QUERIES },
    CPU_PROFILE,
    ROWS * COLS,
  );
  const sizes = program.step.map(({ weights: inputs }) =>
    inputs.reduce((sum, { place }) => sum + Math.ceil(place.length / 256) * 256, 0),
  );
  return Math.max(...sizes);
}
