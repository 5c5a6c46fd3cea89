/** Networks block by block: the same numbers wherever the weights are, and as in one graph. By the C API on the CPU. */
import { mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAbort } from '../../../src-main/base/app-error.js';
import { defined } from '../../../src-main/base/assert.js';
import type { FluxConfig } from '../../../src-main/engine/graph/flux-config.js';
import { CPU_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { denoiserProgram } from '../../../src-main/engine/graph/denoiser-program.js';
import { partsOf, WeightBook } from '../../../src-main/engine/graph/stored-tensor.js';
import type { T5Config } from '../../../src-main/engine/graph/t5-encoder.js';
import { openFlux, openInfuseNet, openT5, type PackNetwork } from '../../../src-main/engine/pack/pack-networks.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { loadT5 } from '../../../src-main/engine/pipeline/networks/encode-text.js';
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
    const budgets = [
      { deviceBytes: least, hostBytes: 0 },
      { deviceBytes: (least + all) / 2, hostBytes: all / 8 },
      { deviceBytes: all - 1, hostBytes: Infinity },
    ];
    for (const { deviceBytes, hostBytes } of budgets) {
      const streamed = await velocities(weights, { deviceBytes, hostBytes, onePass: false });
      expect(streamed.steps).toEqual(resident.steps);
      const places = defined(streamed.places ?? undefined, 'places');
      expect(places.residentBytes).toBeLessThan(deviceBytes);
      expect(places.residentBytes + places.streamedBytes).toBe(all);
      if (hostBytes === 0) expect(places.fromDiskBytes).toBe(places.streamedBytes);
      if (hostBytes === Infinity) expect(places.fromDiskBytes).toBe(0);
    }
  });

  it('has one graph for each kind of block', async () => {
    const { once, step } = programOf(await weightsIn('nf4'));
    const blocks = [...once, ...step];
    const kinds = new Set(blocks.map(({ model }) => Buffer.from(model).toString('latin1')));
    const { doubleBlocks, singleBlocks } = flux.config;
    const doubles = doubleBlocks + infuseNet.config.doubleBlocks;
    expect(blocks).toHaveLength(3 + 3 * doubles + singleBlocks + infuseNet.config.singleBlocks);
    expect(kinds.size).toBe(11);
  });

  it('says what it needs when not even one block has room', async () => {
    const weights = await weightsIn('int8');
    runBy('blocks');
    const deviceBytes = leastOf(weights) - 1;
    const memory = { deviceBytes, hostBytes: 0, onePass: false, otherBytes: 2 ** 30 };
    await expect(loadDenoiser(request(weights, memory))).rejects.toMatchObject({
      code: 'engine.out-of-memory',
      message: expect.stringMatching(/needs at least 1\.1 GiB of the card .*; 1\.0 GiB may be used/) as string,
      remedy: expect.stringContaining('memory limit') as string,
    });
  });

  it.each([0, 3, 10, 20, 35, 50])('ends when it is cancelled after %d ms, and the next run is right', async (delay) => {
    const weights = await weightsIn('nf4');
    runBy('blocks');
    const cancel = new AbortController();
    const memory = { deviceBytes: leastOf(weights), hostBytes: 0, onePass: false };
    const denoiser = await loadDenoiser(request(weights, memory, cancel.signal));
    const latents = values(ROWS * COLS * flux.config.inChannels, 7);
    const first = await denoiser.velocity(latents, 0);
    const cancelled = (async () => {
      for (;;) await denoiser.velocity(latents, 0);
    })();
    if (delay === 0) cancel.abort();
    else setTimeout(() => cancel.abort(), delay);
    await expect(cancelled).rejects.toSatisfy(isAbort);
    await denoiser.release();
    expect((await velocities(weights, memory)).steps[0]).toEqual(first);
  });

  it('fails when a file that it streams from changes, instead of computing with other weights', async () => {
    const weights = await weightsIn('int4');
    runBy('blocks');
    const memory = { deviceBytes: leastOf(weights), hostBytes: 0, onePass: false };
    const denoiser = await loadDenoiser(request(weights, memory));
    try {
      const latents = values(ROWS * COLS * flux.config.inChannels, 7);
      await denoiser.velocity(latents, 0);
      const [part] = [...weights.flux.tensors.values()].flatMap(({ storage }) => partsOf(storage));
      const file = defined(part, 'a part').file;
      const before = await stat(file);
      await utimes(file, before.atime, new Date(before.mtimeMs + 5000));
      // A pass that was under way may still end.
      await expect(
        (async () => {
          for (let pass = 0; pass < 3; pass++) await denoiser.velocity(latents, 0);
        })(),
      ).rejects.toMatchObject({ code: 'weights.unreadable' });
      await utimes(file, before.atime, before.mtime);
    } finally {
      await denoiser.release();
    }
  });
});

describe.skipIf(LIBRARY === null)('T5, block by block', () => {
  it.each(WEIGHT_FORMATS)('encodes as in one graph in %s', async (format) => {
    const ids = Int32Array.from([5, 9, 31, 2, 1]);
    const encoded: Float32Array[] = [];
    for (const way of ['whole', 'blocks'] as const) {
      runBy(way);
      const encoder = await loadT5(context(), t5, format);
      encoded.push(await encoder.encode(ids));
      await encoder.release();
    }
    const [whole, blocks] = encoded;
    expect(relativeL2(defined(blocks, 'blocks'), defined(whole, 'whole'))).toBeLessThan(2e-6);
  });
});

function programOf(weights: Weights) {
  const book = ({ label, tensors }: NetworkWeights) => new WeightBook(label, tensors);
  return denoiserProgram(
    { book: book(weights.flux), config: flux.config, tokens: TEXT_TOKENS },
    { book: book(weights.infusenet), config: infuseNet.config, tokens: QUERIES },
    CPU_PROFILE,
    ROWS * COLS,
  );
}

/** The device's bytes for one block at a time. */
function leastOf(weights: Weights): number {
  const sizes = programOf(weights).step.map(({ weights: inputs }) =>
    inputs.reduce((sum, { place }) => sum + Math.ceil(place.length / 256) * 256, 0),
  );
  return Math.max(...sizes);
}
