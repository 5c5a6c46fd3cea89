/** The VAE decoded in tiles on the webgpu provider, on a software GPU in f32, against the whole decode on the CPU. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CPU_PROFILE, WEBGPU_F32_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { decodeInTiles } from '../../../src-main/engine/pipeline/decode/decode-tiles.js';
import { openVae } from '../../../src-main/engine/pipeline/networks/pack-networks.js';
import type { PrepareContext } from '../../../src-main/engine/pipeline/networks/prepared.js';
import { decoderLatents, loadDecoder } from '../../../src-main/engine/pipeline/networks/vae-codec.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import { openTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';
import { SOFTWARE_GPU } from '../support/software-gpu.js';

const REFERENCE = 'test/fixtures/reference-tiny';
/** Of the fixture's 96 × 64 pixels; shaders, of which most of the time is compiling, do not depend on it. */
const SHAPE = { channels: 16, height: 8, width: 12 } as const;
/**
 * A session for each layer and statistic of the last two levels, each with shaders to compile: 183 s were measured on two
 * cores with a load of 16.
 */
const TIME_LIMIT_MS = 400_000;
/** Cuts the last levels into three tiles and more. */
const MAP_BYTES = 32 * 96 * 4 * 24;

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'likeness-lab-tiles-'));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

describe.skipIf(SOFTWARE_GPU === null)('a decode in tiles on webgpu', () => {
  it('is the whole decode on the CPU', { timeout: TIME_LIMIT_MS, retry: 0 }, async () => {
    const expected = await openTensorFile(join(REFERENCE, 'expected.safetensors'));
    const vae = await openVae(await openPack(REFERENCE));
    try {
      const trajectory = await expected.readF32('latents_after_step');
      const latents = decoderLatents(trajectory.slice(trajectory.length * 0.75), vae.config, SHAPE);
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
