/** What the audit says of whole packs; each way of being broken is in `services/broken-packs`. */
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditPack } from '../../../../src-main/engine/pack/audit-pack.js';
import { makeTinyPack, rewrite, type TinyPack } from '../../support/tiny-pack.js';

let pack: TinyPack;
beforeEach(async () => {
  pack = await makeTinyPack();
});
afterEach(() => pack.remove());

const DIFFUSERS = 'diffusion_pytorch_model.safetensors';

describe('auditPack', () => {
  it('finds nothing wrong with the pack as it is', async () => {
    const { parts, complete } = await auditPack(await pack.target());
    expect(parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(complete).toBe(true);
    expect(parts.find(({ part }) => part === 'flux')).toMatchObject({
      // 20 outside the blocks, 32 for each of 3 double and 14 for each of 5 single blocks
      tensors: 186,
      expectedTensors: 186,
      dtypes: ['BF16'],
    });
  });

  it('calls a smaller network what it is when the pack is the real one', async () => {
    const { parts } = await auditPack(await pack.target(), { flux: 1160, infusenet: 314 });
    const kinds = parts.filter(({ state }) => state !== 'ok').map(({ part, findings }) => [part, findings[0]?.kind]);
    expect(kinds).toEqual([
      ['flux', 'other-size'],
      ['infusenet', 'other-size'],
    ]);
  });

  it('prefers the single bf16 file of InfuseNet', async () => {
    const folder = join(pack.variant, 'InfuseNetModel');
    const single = join(pack.variant, 'infusenet_aes_bf16.safetensors');
    await rewrite(folder, single, { dtype: 'BF16' });
    await rm(join(folder, DIFFUSERS));
    const { parts, complete } = await auditPack(await pack.target());
    expect(complete).toBe(true);
    expect(parts.find(({ part }) => part === 'infusenet')).toMatchObject({ path: single, dtypes: ['BF16'] });
  });

  it('names every part of an empty folder', async () => {
    const { parts, complete } = await auditPack({
      flux: null,
      t5: null,
      clip: null,
      vae: null,
      clipTokenizer: null,
      t5Tokenizer: null,
      scheduler: null,
      variants: [],
      arcface: null,
      scrfd: null,
      recognition: null,
    });
    expect(complete).toBe(false);
    expect(parts.map(({ state }) => state)).toEqual(parts.map(() => 'missing'));
    expect(parts).toHaveLength(8);
  });

  it('tells a face part that was named and is gone from one that was not found', async () => {
    const target = await pack.target();
    await Promise.all([rm(pack.arcface), rm(pack.scrfd)]);
    const { parts } = await auditPack(target);
    const kinds = parts.filter(({ state }) => state !== 'ok').map(({ part, findings }) => [part, findings[0]?.kind]);
    expect(kinds).toEqual([
      ['arcface', 'file-missing'],
      ['scrfd', 'file-missing'],
    ]);
  });

  it('follows links, as the cache of the hub has them', async () => {
    const blobs = join(pack.root, 'blobs');
    await mkdir(blobs);
    const file = join(pack.flux, 'vae', DIFFUSERS);
    await rename(file, join(blobs, 'aa'));
    await symlink(join(blobs, 'aa'), file);
    expect((await auditPack(await pack.target())).complete).toBe(true);
  });
});
