/**
 * Seconds and memory of denoising steps with all, some and none of the weights on the device, and whether the numbers are
 * the same. Prints a line of JSON for each budget.
 *
 *     node dist/main/bench-streaming.js PACK CACHE PROVIDER FLUX/INFUSENET WIDTHxHEIGHT STEPS BUDGETS [HOST]
 *
 * BUDGETS: GiB for weights on the device, separated by commas; `all` for no limit. HOST: GiB of host memory for streamed
 * weights, default half of what is free.
 */
import { createHash } from 'node:crypto';
import { CPU_PROFILE } from '../../src-main/engine/graph/compute-profile.js';
import type { FluxConfig } from '../../src-main/engine/graph/flux-config.js';
import { modulationLayout } from '../../src-main/engine/graph/modulation-layout.js';
import { openPack } from '../../src-main/engine/pack/open-pack.js';
import { openFlux, openInfuseNet } from '../../src-main/engine/pack/pack-networks.js';
import { prepareQuantized, type PrepareContext } from '../../src-main/engine/pipeline/networks/prepared.js';
import { loadDenoiser } from '../../src-main/engine/pipeline/run/denoise.js';
import type { Provider, WeightFormat } from '../../src-main/engine/protocol.js';
import { readDeviceMemory } from '../../src-main/engine/runtime/device-memory.js';
import { MemoryProbe } from '../../src-main/engine/runtime/memory-probe.js';
import { computeProfile } from '../../src-main/engine/runtime/providers.js';

const GIB = 2 ** 30;
const print = (line: string) => void process.stdout.write(`${line}\n`);
const TEXT_TOKENS = 512;
const QUERIES = 8;

const [
  packPath = '',
  cacheDir = '',
  provider = 'cuda',
  formats = 'int8/int8',
  size = '864x1152',
  steps = '4',
  budgets = 'all',
  host,
] = process.argv.slice(2);

function values(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function modulations({ doubleBlocks, singleBlocks, hidden }: FluxConfig, final: boolean) {
  const { count } = modulationLayout(doubleBlocks, singleBlocks, final);
  const step = values(count * hidden, final ? 5 : 6).map((value) => value / 8);
  return { step: () => step };
}

const [width = 864, height = 1152] = size.split('x').map(Number);
const [rows, cols] = [height / 16, width / 16];
const [fluxFormat = 'int8', controlFormat = 'int8'] = formats.split('/') as WeightFormat[];
const device = { provider: provider as Provider };
const pack = await openPack(packPath);
const flux = await openFlux(pack);
const infuseNet = await openInfuseNet(pack, 'aes_stage2');
const profile = provider === 'cpu' ? CPU_PROFILE : await computeProfile(device.provider);
const context: PrepareContext = { ...device, profile, cacheDir, exact: false };
const fluxWeights = await prepareQuantized(context, 'flux', flux, fluxFormat);
const controlWeights = await prepareQuantized(context, 'infusenet', infuseNet, controlFormat);
const latents = values(rows * cols * flux.config.inChannels, 7);

for (const budget of budgets.split(',')) {
  const probe = await MemoryProbe.open(device);
  try {
    const started = performance.now();
    const denoiser = await probe.phase(
      'load',
      () => 0,
      () =>
        loadDenoiser({
          ...device,
          profile,
          flux: flux.config,
          fluxWeights,
          modulations: modulations(flux.config, true),
          text: values(TEXT_TOKENS * flux.config.jointAttentionDim, 1),
          textTokens: TEXT_TOKENS,
          rows,
          cols,
          control: {
            config: infuseNet.config,
            weights: controlWeights,
            modulations: modulations(infuseNet.config, false),
            identityTokens: values(QUERIES * infuseNet.config.jointAttentionDim, 2),
            queries: QUERIES,
            control: values(rows * cols * infuseNet.config.inChannels, 3),
            scales: [1],
          },
          memory: {
            deviceBytes: budget === 'all' ? Infinity : Number(budget) * GIB,
            hostBytes: host === undefined ? process.availableMemory() / 2 : Number(host) * GIB,
            onePass: false,
          },
          onNotFinite: () => undefined,
        }),
    );
    const loadSeconds = (performance.now() - started) / 1000;
    const seconds: number[] = [];
    let velocity = new Float32Array(0);
    await probe.phase(
      'denoise',
      () => 0,
      async () => {
        for (let step = 0; step < Number(steps); step++) {
          const begun = performance.now();
          velocity = (await denoiser.velocity(latents, 0)).slice();
          seconds.push((performance.now() - begun) / 1000);
        }
      },
    );
    const { places } = denoiser;
    const card = await readDeviceMemory(device);
    await denoiser.release();
    const [load, denoise] = probe.phases;
    const gib = (bytes: number | null | undefined) =>
      bytes === null || bytes === undefined ? null : +(bytes / GIB).toFixed(2);
    print(
      JSON.stringify({
        formats,
        size,
        budget,
        loadSeconds: +loadSeconds.toFixed(2),
        load: gib(load?.deviceEndBytes),
        peak: gib(denoise?.devicePeakBytes),
        card: gib(card === null ? null : card.totalBytes - card.freeBytes),
        host: gib(denoise?.hostPeakBytes),
        resident: gib(places?.residentBytes),
        streamed: gib(places?.streamedBytes),
        fromDisk: gib(places?.fromDiskBytes),
        median: +(seconds.slice(1).sort((a, b) => a - b)[Math.floor((seconds.length - 1) / 2)] ?? 0).toFixed(4),
        seconds: seconds.map((second) => +second.toFixed(3)),
        finite: velocity.every(Number.isFinite),
        sha256: createHash('sha256').update(new Uint8Array(velocity.buffer)).digest('hex').slice(0, 12),
      }),
    );
  } catch (error) {
    print(
      JSON.stringify({
        formats,
        size,
        budget,
        error: String(error),
        details: (error as { details?: unknown }).details,
      }),
    );
  } finally {
    probe.close();
  }
}
process.exit(0);
