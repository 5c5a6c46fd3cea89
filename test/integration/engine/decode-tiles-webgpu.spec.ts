/** The VAE decoded in tiles on the webgpu provider, on a software GPU in f32, against the whole decode on the CPU. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CPU_PROFILE, WEBGPU_F32_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import type { VaeConfig } from '../../../src-main/engine/graph/vae.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { decodeInTiles } from '../../../src-main/engine/pipeline/decode/decode-tiles.js';
import { openVae, type PackNetwork } from '../../../src-main/engine/pack/pack-networks.js';
import type { PrepareContext } from '../../../src-main/engine/pipeline/networks/prepared.js';
import { decoderLatents, loadDecoder } from '../../../src-main/engine/pipeline/networks/vae-codec.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import { openTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';
import { SOFTWARE_GPU } from '../support/software-gpu.js';

const REFERENCE = 'test/fixtures/reference-tiny';
/** The fixture's latents, and the middle of them that is decoded: a software GPU takes a second for each 1000 pixels. */
const WHOLE = { channels: 16, height: 8, width: 12 } as const;
const SHAPE = { channels: 16, height: 4, width: 6 } as const;
/**
 * A session for each layer and statistic of the last two levels, each with shaders to compile: 15 s, and a multiple of
 * it on a machine with a load of 16.
 */
const TIME_LIMIT_MS = 400_000;
/** Cuts the last levels into three tiles and more. */
const MAP_BYTES = 32 * 48 * 4 * 12;

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'likeness-lab-tiles-'));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

/** [16, 8, 12] to [16, 4, 6]. */
function middleOf(latents: Float32Array): Float32Array {
  return Float32Array.from({ length: SHAPE.channels * SHAPE.height * SHAPE.width }, (_, i) => {
    const x = (i % SHAPE.width) + 3;
    const y = (Math.floor(i / SHAPE.width) % SHAPE.height) + 2;
    const channel = Math.floor(i / (SHAPE.width * SHAPE.height));
    return latents[(channel * WHOLE.height + y) * WHOLE.width + x] as number;
  });
}

/** Every kind of tile, with and without upsampling, in half of the sessions. */
function withOneResnetALevel({ source, ...vae }: PackNetwork<VaeConfig>): PackNetwork<VaeConfig> {
  const kept = [...source.entries].filter(([name]) => !/^decoder\.up_blocks\.\d\.resnets\.[12]\./.test(name));
  return {
    ...vae,
    config: { ...vae.config, layersPerBlock: 0 },
    source: {
      entries: new Map(kept),
      metadata: source.metadata,
      readBytes: (name) => source.readBytes(name),
      readF32: (name) => source.readF32(name),
      readRange: (name, byteStart, byteLength) => source.readRange(name, byteStart, byteLength),
      close: () => source.close(),
    },
  };
}

describe.skipIf(SOFTWARE_GPU === null)('a decode in tiles on webgpu', () => {
  it('is the whole decode on the CPU', { timeout: TIME_LIMIT_MS, retry: 0 }, async () => {
    const expected = await openTensorFile(join(REFERENCE, 'expected.safetensors'));
    const vae = withOneResnetALevel(await openVae(await openPack(REFERENCE)));
    try {
      const trajectory = await expected.readF32('latents_after_step');
      const latents = middleOf(decoderLatents(trajectory.slice(trajectory.length * 0.75), vae.config, WHOLE));
      const onCpu: PrepareContext = { provider: 'cpu', profile: CPU_PROFILE, cacheDir, exact: true };
      const decoder = await loadDecoder(onCpu, vae, SHAPE);
      const whole = (await decoder.decode(latents)).slice();
      await decoder.session.release();
      // SwiftShader's fused attention is wrong (runtime/attention-check.ts).
      const profile = { ...WEBGPU_F32_PROFILE, attention: 'composed' as const };
      const onGpu: PrepareContext = { provider: 'webgpu', profile, cacheDir, exact: true };
      const { planes, tiles } = await decodeInTiles(onGpu, vae, SHAPE, latents, { mapBytes: MAP_BYTES });
      expect(tiles).toBeGreaterThan(2);
      // The limit of `verify` for every network.
      expect(relativeL2(planes, whole)).toBeLessThan(1e-4);
    } finally {
      await Promise.all([vae.source.close(), expected.close()]);
    }
  });
});
