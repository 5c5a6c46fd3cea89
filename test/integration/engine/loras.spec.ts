import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { conversionItems, convertPack } from '../../../src-main/engine/pipeline/packs/convert-pack.js';
import { openFluxWithLoras } from '../../../src-main/engine/pipeline/networks/flux-with-loras.js';
import { prepareQuantized } from '../../../src-main/engine/pipeline/networks/prepared.js';
import { computeProfile } from '../../../src-main/engine/runtime/providers.js';
import { openCheckpoint } from '../../../src-main/engine/weights/open-checkpoint.js';
import { openSafetensors } from '../../../src-main/engine/weights/safetensors-source.js';
import type { WritableTensor } from '../../support/write-safetensors.js';
import { bnbTensors } from '../../unit/support/bnb-form.js';
import { TINY, tinyPicture, TRANSFORMER, writeTinyPack } from '../support/tiny-picture.js';

const LORAS = 'test/fixtures/lora';
const KOHYA = { path: join(LORAS, 'kohya.safetensors'), weight: -0.5 };
const Q = 'transformer_blocks.0.attn.to_q.weight';

let folder: string;
/** The miniature with the reference's merged weights in it. */
let merged: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-loras-'));
  const source = await openCheckpoint(join(TINY, TRANSFORMER));
  const expected = await openSafetensors(join(LORAS, 'kohya.expected.safetensors'));
  const tensors: WritableTensor[] = [];
  for (const { name, dtype, shape } of source.entries.values()) {
    const data = await (expected.entries.has(name) ? expected : source).readBytes(name);
    tensors.push({ name, dtype, shape, data });
  }
  await Promise.all([source.close(), expected.close()]);
  merged = await writeTinyPack(join(folder, 'merged'), tensors);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a LoRA', () => {
  it.each(['16-bit', 'int8', 'nf4'] as const)(
    'makes the picture that a checkpoint with it merged makes, in %s',
    async (format) => {
      const found = await tinyPicture(folder, TINY, format, [KOHYA]);
      const expected = await tinyPicture(folder, merged, format);
      const without = await tinyPicture(folder, TINY, format);
      expect(found.png.equals(expected.png)).toBe(true);
      expect(found.png.equals(without.png)).toBe(false);
      expect(found.result.weightHashes['loras']).toMatch(/^[0-9a-f]{16}$/);
      expect(found.result.weightHashes['flux']).not.toBe(without.result.weightHashes['flux']);
    },
  );

  it('changes nothing at weight 0', async () => {
    const found = await tinyPicture(folder, TINY, 'nf4', [{ ...KOHYA, weight: 0 }]);
    const without = await tinyPicture(folder, TINY, 'nf4');
    expect(found.png.equals(without.png)).toBe(true);
    expect(found.result.weightHashes).toEqual(without.result.weightHashes);
  });

  it('has its own cache files, also for what runs before the loop, and converting makes them all', async () => {
    const cacheDir = join(folder, 'own-cache');
    const request = {
      pack: await openPack(TINY),
      variant: 'aes_stage2',
      items: conversionItems({ flux: 'int8', t5: '16-bit', infusenet: '16-bit' }),
      provider: 'cpu',
      cacheDir,
    } as const;
    const files = async () => (await readdir(cacheDir)).filter((name) => name.startsWith('flux')).sort();
    await convertPack(request);
    const plain = await files();
    expect(plain.length).toBe(1);
    await convertPack({ ...request, loras: [KOHYA] });
    const both = await files();
    expect(both.length).toBe(3);
    expect(both).toEqual(expect.arrayContaining(plain));
    expect(both.filter((name) => name.startsWith('flux-conditioning')).length).toBe(1);
    // Nothing is left of the scratch file.
    expect(both.every((name) => name.endsWith('.weights'))).toBe(true);
    await convertPack({ ...request, loras: [KOHYA] });
    expect(await files()).toEqual(both);
  });

  it('is added to a checkpoint in bitsandbytes NF4 too', async () => {
    const source = await openCheckpoint(join(TINY, TRANSFORMER));
    const tensors: WritableTensor[] = [];
    for (const { name, dtype, shape } of source.entries.values()) {
      const data = await source.readBytes(name);
      const bits = new Uint16Array(Uint8Array.from(data).buffer);
      if (name === Q) tensors.push(...bnbTensors(name, bits, 64, 64, true));
      else tensors.push({ name, dtype, shape, data });
    }
    await source.close();
    const root = await writeTinyPack(join(folder, 'bnb'), tensors);
    const base = await openCheckpoint(join(root, TRANSFORMER));
    const flux = await openFluxWithLoras(await openPack(root), [KOHYA]);
    try {
      const before = await base.readF32(Q);
      const after = await flux.source.readF32(Q);
      const lora = await openSafetensors(KOHYA.path);
      const down = await lora.readF32('lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight');
      const up = await lora.readF32('lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight');
      await lora.close();
      after.forEach((value, at) => {
        const [row, column] = [Math.floor(at / 64), at % 64];
        let product = 0;
        for (let j = 0; j < 4; j++) product += (up[row * 4 + j] as number) * (down[j * 64 + column] as number);
        const exact = (before[at] as number) - 0.5 * (2 / 4) * product;
        expect(Math.abs(value - exact)).toBeLessThanOrEqual(Math.abs(exact) * 2 ** -8);
      });
      const context = {
        provider: 'cpu',
        profile: await computeProfile('cpu'),
        cacheDir: folder,
        exact: false,
      } as const;
      const prepared = await prepareQuantized(context, 'flux', flux, 'nf4');
      expect(prepared.tensors.get(Q)?.storage.kind).toBe('nf4');
      expect(prepared.cacheFile).not.toBeNull();
    } finally {
      await Promise.all([base.close(), flux.source.close()]);
    }
  });

  it('can be cancelled while it is merged', async () => {
    const controller = new AbortController();
    const request = {
      pack: await openPack(TINY),
      variant: 'aes_stage2',
      items: conversionItems({ flux: 'int8', t5: '16-bit', infusenet: '16-bit' }),
      provider: 'cpu',
      cacheDir: join(folder, 'cancelled'),
      loras: [KOHYA],
      signal: controller.signal,
      onConvert: () => controller.abort(),
    } as const;
    await expect(convertPack(request)).rejects.toMatchObject({ name: 'AbortError' });
    // What is left is what the next one goes on from.
    expect((await readdir(request.cacheDir)).filter((name) => !/\.0\.(partial|journal)$/.test(name))).toEqual([]);
  });

  it('is taken by the command line, as often as there are LoRAs', async () => {
    const out = join(folder, 'cli.png');
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [
      'dist/main/cli.js',
      'generate',
      ...['--pack', TINY, '--prompt', 'A man', '--steps', '1', '--width', '64', '--height', '96', '--out', out],
      ...['--lora', `${KOHYA.path}:-0.5`, '--lora', join(LORAS, 'peft.safetensors'), '--cache', join(folder, 'cli')],
      '--json',
    ]);
    const { weightHashes } = JSON.parse(stdout) as { weightHashes: Record<string, string> };
    expect(weightHashes['loras']).toMatch(/^[0-9a-f]{16}$/);
    expect((await readFile(out)).length).toBeGreaterThan(1000);
    const refused = run(process.execPath, [
      'dist/main/cli.js',
      'generate',
      ...['--pack', TINY, '--prompt', 'A man', '--out', out],
      ...['--lora', join(TINY, 'quant.safetensors')],
    ]);
    await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining('match no layer') as string });
  });
});
