/** The VAE decoded in tiles against the whole decode: the same picture, no seam where tiles meet, less memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CPU_PROFILE, WEBGPU_F16_PROFILE } from '../../../src-main/engine/graph/compute-profile.js';
import { HALO_ROWS } from '../../../src-main/engine/graph/vae-tiles.js';
import { lanczosResize } from '../../../src-main/engine/image/lanczos-resize.js';
import { readImage } from '../../../src-main/engine/image/read-image.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { decodeInTiles } from '../../../src-main/engine/pipeline/decode/decode-tiles.js';
import { generate } from '../../../src-main/engine/pipeline/run/generate.js';
import { createMemoStore } from '../../../src-main/engine/pipeline/networks/memo-store.js';
import { openVae } from '../../../src-main/engine/pack/pack-networks.js';
import type { PrepareContext } from '../../../src-main/engine/pipeline/networks/prepared.js';
import { cutRows } from '../../../src-main/engine/pipeline/decode/tile-rows.js';
import { decoderLatents, encodeImage, loadDecoder } from '../../../src-main/engine/pipeline/networks/vae-codec.js';
import { relativeL2 } from '../../../src-main/engine/verify/checks.js';
import { openTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';

const REFERENCE = 'test/fixtures/reference-tiny';
const SIDE = 256;
/** Levels of 255 for 1 of the decoder's output. */
const LEVELS = 127.5;

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'likeness-lab-tiles-'));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

/** A photo through the demo's VAE, whole and in tiles; mean and largest difference of each row, in levels of 255. */
async function differences(profile: typeof CPU_PROFILE, mapBytes: number) {
  const context: PrepareContext = { provider: 'cpu', profile, cacheDir, exact: false };
  const vae = await openVae(await openPack('assets/models/demo'));
  try {
    const photo = lanczosResize(await readImage(join(REFERENCE, 'astronaut.png')), SIDE, SIDE);
    const { mean: latents } = await encodeImage(context, vae, photo);
    const shape = { channels: vae.config.latentChannels, height: SIDE / 8, width: SIDE / 8 };
    const decoder = await loadDecoder(context, vae, shape);
    const whole = (await decoder.decode(latents)).slice();
    await decoder.session.release();
    const { planes, tiles } = await decodeInTiles(context, vae, shape, latents, { mapBytes });
    const rows = Array.from({ length: SIDE }, () => ({ mean: 0, largest: 0 }));
    planes.forEach((value, i) => {
      const row = rows[Math.floor(i / SIDE) % SIDE];
      const levels = LEVELS * Math.abs(value - (whole[i] ?? NaN));
      if (row === undefined) return;
      row.mean += levels / (3 * SIDE);
      row.largest = Math.max(row.largest, levels);
    });
    return { rows, tiles, relative: relativeL2(planes, whole) };
  } finally {
    await vae.source.close();
  }
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Rows on both sides of a cut of the last level into `tiles`, and all others. */
function atCuts(rows: readonly { readonly mean: number }[], tiles: number) {
  const cuts = cutRows(SIDE, Math.ceil(SIDE / tiles), HALO_ROWS).slice(1);
  const near = new Set(cuts.flatMap(({ from }) => [from - 1, from]));
  return {
    near: meanOf(rows.flatMap(({ mean }, row) => (near.has(row) ? [mean] : []))),
    elsewhere: meanOf(rows.flatMap(({ mean }, row) => (near.has(row) ? [] : [mean]))),
  };
}

describe('a decode in tiles', () => {
  it('agrees with the reference in f32', async () => {
    const expected = await openTensorFile(join(REFERENCE, 'expected.safetensors'));
    const vae = await openVae(await openPack(REFERENCE));
    const trajectory = await expected.readF32('latents_after_step');
    const shape = { channels: 16, height: 8, width: 12 };
    const latents = decoderLatents(trajectory.slice(trajectory.length * 0.75), vae.config, shape);
    const context: PrepareContext = { provider: 'cpu', profile: CPU_PROFILE, cacheDir, exact: true };
    const { planes, tiles } = await decodeInTiles(context, vae, shape, latents, { mapBytes: 1 });
    expect(tiles).toBeGreaterThan(8);
    // The limit of `verify` for every network.
    expect(relativeL2(planes, await expected.readF32('decoded'))).toBeLessThan(1e-4);
    await vae.source.close();
    await expected.close();
  });

  // Measured: 0.0005 levels at most and 8.5e-7 (relative), 8 tiles.
  it('is the whole decode in f32, at the cuts as elsewhere', async () => {
    const { rows, tiles, relative } = await differences(CPU_PROFILE, 64 * SIDE * 4 * 32);
    expect(tiles).toBe(8);
    expect(relative).toBeLessThan(1e-5);
    expect(Math.max(...rows.map(({ largest }) => largest))).toBeLessThan(0.005);
    const { near, elsewhere } = atCuts(rows, tiles);
    expect(near).toBeLessThan(1.25 * elsewhere);
  });

  // Measured: 0.3 levels at most and 2.1e-4: two ways of rounding to f16, neither nearer to f32.
  it('is the whole decode in f16 but for rounding, at the cuts as elsewhere', async () => {
    const { rows, tiles, relative } = await differences(WEBGPU_F16_PROFILE, 64 * SIDE * 2 * 32);
    expect(relative).toBeLessThan(1e-3);
    expect(Math.max(...rows.map(({ largest }) => largest))).toBeLessThan(1);
    const { near, elsewhere } = atCuts(rows, tiles);
    expect(near).toBeLessThan(1.25 * elsewhere);
  });

  it('is recorded with the run that asked for it', async () => {
    const pack = await openPack(REFERENCE);
    const make = (decode: 'whole' | 'tiles') =>
      generate(
        {
          packPath: pack.root,
          cachePath: cacheDir,
          provider: 'cpu',
          formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
          modelVariant: [...pack.variants.keys()][0] ?? '',
          identity: { kind: 'none' },
          controlImagePath: null,
          prompt: 'portrait',
          seed: 1,
          steps: 1,
          width: 96,
          height: 64,
          guidance: 3.5,
          conditioningScale: 1,
          start: 0,
          end: 1,
          outputPath: join(cacheDir, `${decode}.png`),
          previewDir: null,
          decode,
        },
        { pack, memo: createMemoStore(), onProgress: () => undefined },
      );
    const [whole, tiles] = [await make('whole'), await make('tiles')];
    expect(whole.decode).toMatchObject({ mode: 'whole', reason: 'asked', tiles: 1 });
    expect(tiles.decode).toMatchObject({ mode: 'tiles', reason: 'asked' });
    expect(tiles).toMatchObject({ spill: null, identityScore: null, identityState: 'no-identity' });
    const [a, b] = [await readImage(whole.outputPath), await readImage(tiles.outputPath)];
    expect(Math.max(...a.data.map((value, i) => Math.abs(value - (b.data[i] ?? NaN))))).toBeLessThanOrEqual(1);
  });
});
