import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { inspectPack } from '../../../src-main/engine/pipeline/packs/inspect-pack.js';
import { MODEL_FILES } from '../support/parts-pack.js';

const FIXTURE = 'test/fixtures/reference-tiny';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-pack-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeManifest(components: Record<string, string>): Promise<void> {
  await writeFile(
    join(folder, 'pack.json'),
    JSON.stringify({
      formatVersion: 1,
      name: 'Test',
      licence: 'CC0-1.0',
      components: { flux: 'flux', infiniteyou: 'infiniteyou/infu_flux_v1.0', ...components },
      faceDetection: { kind: 'scrfd' },
      defaults: { width: 64, height: 64, steps: 4, guidance: 3.5 },
      limits: { minSize: 32, maxSize: 512, maxSteps: 50 },
    }),
  );
}

describe('openPack', () => {
  it('recognizes the plain upstream layouts', async () => {
    const pack = await openPack(FIXTURE);
    expect([...pack.variants.keys()]).toEqual(['aes_stage2']);
    expect(pack.defaults).toMatchObject({ width: 864, height: 1152, steps: 30 });
    expect(pack.faceDetection.kind).toBe('scrfd');
  });

  it('reads a pack.json', async () => {
    await cp(FIXTURE, folder, { recursive: true });
    await writeManifest({});
    expect(await openPack(folder)).toMatchObject({ name: 'Test', defaults: { steps: 4 } });
  });

  it.each(['../outside', '/etc', 'flux/../../outside'])('refuses the path %s', async (path) => {
    await cp(FIXTURE, folder, { recursive: true });
    await writeManifest({ flux: path });
    await expect(openPack(folder)).rejects.toMatchObject({
      code: 'pack.invalid',
      message: expect.stringContaining(path) as string,
    });
  });

  describe('of parts', () => {
    const parts = () => ({
      flux: { path: join(MODEL_FILES, 'flux-bf16.safetensors') },
      t5: { path: resolve(FIXTURE, 'flux/text_encoder_2') },
      clip: { path: resolve(FIXTURE, 'flux/text_encoder'), config: resolve(FIXTURE, 'flux/text_encoder/config.json') },
      vae: { path: join(MODEL_FILES, 'ae.safetensors') },
      clipTokenizer: resolve(FIXTURE, 'flux/tokenizer'),
      t5Tokenizer: resolve(FIXTURE, 'flux/tokenizer_2'),
      variants: {
        aes_stage2: {
          infusenet: { path: join(MODEL_FILES, 'infusenet_aes_fp8e4m3fn.safetensors') },
          imageProjection: resolve(FIXTURE, 'infiniteyou/infu_flux_v1.0/aes_stage2/image_proj_model.bin'),
        },
      },
    });
    const write = (manifest: object) =>
      writeFile(
        join(folder, 'pack.json'),
        JSON.stringify({ formatVersion: 1, name: 'Mine', licence: '', ...manifest }),
      );

    it('may name files anywhere on this computer, and has FLUX’s and InfiniteYou’s defaults', async () => {
      await write({ licence: 'x', parts: parts() });
      const pack = await openPack(folder);
      expect(pack.flux).toEqual({ path: join(MODEL_FILES, 'flux-bf16.safetensors'), config: null });
      expect(pack.t5.config).toBe(resolve(FIXTURE, 'flux/text_encoder_2/config.json'));
      expect(pack).toMatchObject({ scheduler: null, arcface: null, faceDetection: { kind: 'scrfd' } });
      expect(pack.defaults).toMatchObject({ width: 864, height: 1152 });
    });

    it('names a file that is gone', async () => {
      await write({ licence: 'x', parts: { ...parts(), vae: { path: join(folder, 'gone.safetensors') } } });
      await expect(openPack(folder)).rejects.toMatchObject({
        code: 'pack.incomplete',
        message: expect.stringContaining('gone.safetensors') as string,
      });
    });

    it('does not ask another computer for a file', async () => {
      await write({ licence: 'x', parts: { ...parts(), vae: { path: '//server/share/ae.safetensors' } } });
      await expect(openPack(folder)).rejects.toMatchObject({ code: 'pack.invalid' });
    });

    it.each([
      ['both kinds of paths', { components: { flux: 'flux', infiniteyou: 'i' } }],
      ['a part of no known name', {}],
    ])('is refused with %s', async (_, extra) => {
      await write({ licence: 'x', parts: { ...parts(), ...('components' in extra ? {} : { unet: 'x' }) }, ...extra });
      await expect(openPack(folder)).rejects.toMatchObject({ code: 'pack.invalid' });
    });
  });

  it('refuses a link that leads out of the pack', async () => {
    await cp(FIXTURE, folder, { recursive: true });
    await symlink(tmpdir(), join(folder, 'linked'));
    await writeManifest({ flux: 'linked' });
    await expect(openPack(folder)).rejects.toMatchObject({ code: 'pack.invalid' });
  });

  it('says which component is not there', async () => {
    await writeManifest({});
    await expect(openPack(folder)).rejects.toMatchObject({
      code: 'pack.incomplete',
      message: expect.stringContaining('"flux"') as string,
    });
  });

  it('says what a folder without a pack lacks', async () => {
    await mkdir(join(folder, 'holiday pictures'));
    await expect(openPack(folder)).rejects.toMatchObject({ code: 'pack.not-found' });
    await expect(openPack(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'pack.not-found' });
  });
});

describe('inspectPack', () => {
  it('counts tensors and bytes per format, and lists what is missing', async () => {
    const result = await inspectPack(FIXTURE);
    const flux = result.components.find(({ component }) => component === 'flux');
    // 3 double blocks with 32 tensors, 5 single with 14, 20 outside the blocks.
    expect(flux?.tensors).toBe(3 * 32 + 5 * 14 + 20);
    expect(flux?.files).toBe(5);
    const bytes = flux?.bytesPerFormat ?? {};
    expect(bytes['int8']).toBeLessThan(bytes['16-bit'] ?? 0);
    expect(bytes['nf4']).toBeLessThan(bytes['int8'] ?? 0);
    expect(result.components.find(({ component }) => component === 'arcface')?.missing[0]).toContain('face network');
  });

  it('reports a truncated shard as missing, with the reason', async () => {
    await cp(FIXTURE, folder, { recursive: true });
    await writeFile(join(folder, 'flux/vae/diffusion_pytorch_model.safetensors'), new Uint8Array(100));
    const result = await inspectPack(folder);
    expect(result.complete).toBe(false);
    expect(result.components.find(({ component }) => component === 'vae')?.missing).toHaveLength(1);
  });
});
