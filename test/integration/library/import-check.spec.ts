import {
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditPack } from '../../../src-main/engine/pack/audit-pack.js';
import { auditStray } from '../../../src-main/engine/pack/audit-stray.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { inspectPack } from '../../../src-main/engine/pipeline/packs/inspect-pack.js';
import { cacheFolderName, findSnapshot } from '../../../src-main/library/hub-cache.js';
import { checkImport, type ImportReport, type ImportRequest } from '../../../src-main/library/import-check.js';
import { linkPack } from '../../../src-main/library/link-pack.js';
import { INFINITEYOU_FLUX, type DownloadManifest } from '../../../src-main/library/manifest.js';
import { packUse, removePackFolder } from '../../../src-main/library/pack-folder.js';
import { recognitionModel } from '../../support/recognition-model.js';
import { onnxBytes } from '../support/onnx-bytes.js';
import { makeTinyPack, rewrite, type TinyPack } from '../support/tiny-pack.js';

/** The real manifest without the sizes of the real networks. */
const TINY: DownloadManifest = { ...INFINITEYOU_FLUX, expectedTensors: {} };
const COMMIT = 'a'.repeat(40);

let pack: TinyPack;
beforeEach(async () => {
  pack = await makeTinyPack();
});
afterEach(() => pack.remove());

function check(request: Partial<ImportRequest> = {}): Promise<ImportReport> {
  return checkImport(
    { manifest: TINY, roots: [pack.root], cacheDir: null, variants: [], ...request },
    { pack: auditPack, stray: auditStray },
  );
}

/** Moves a folder's files into a cache as huggingface_hub lays it out: blobs, and links to them. */
async function intoCache(cache: string, repository: string, from: string, ref = COMMIT): Promise<string> {
  const root = join(cache, cacheFolderName(repository));
  const snapshot = join(root, 'snapshots', COMMIT);
  await mkdir(join(root, 'blobs'), { recursive: true });
  await mkdir(join(root, 'refs'), { recursive: true });
  await writeFile(join(root, 'refs', 'main'), ref);
  const files = (await readdir(from, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  for (const [index, entry] of files.entries()) {
    const path = join(entry.parentPath, entry.name);
    const linked = join(snapshot, path.slice(from.length));
    await mkdir(dirname(linked), { recursive: true });
    await rename(path, join(root, 'blobs', `blob${index}`));
    await symlink(join(root, 'blobs', `blob${index}`), linked);
  }
  await rm(from, { recursive: true });
  return snapshot;
}

describe('checkImport', () => {
  it('finds everything below one folder', async () => {
    const { audit, found, strays } = await check();
    expect(audit.parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(audit.complete).toBe(true);
    expect([...found.variants.keys()]).toEqual(['aes_stage2']);
    expect(strays).toEqual([]);
  });

  it('finds parts that lie in several folders and in the cache', async () => {
    const cache = join(pack.root, 'cache');
    await intoCache(cache, 'black-forest-labs/FLUX.1-dev', pack.flux);
    const infiniteyou = join(pack.root, 'infiniteyou');
    const models = join(infiniteyou, 'supports', 'insightface', 'models', 'antelopev2');
    await mkdir(models, { recursive: true });
    await rename(pack.scrfd, join(models, 'scrfd_10g_bnkps.onnx'));
    await intoCache(cache, 'ByteDance/InfiniteYou', infiniteyou);
    const face = join(pack.root, 'facexlib', 'weights');
    await mkdir(face, { recursive: true });
    await rename(pack.arcface, join(face, 'recognition_arcface_ir_se50.pth'));

    const { audit, found } = await check({ roots: [face], cacheDir: cache });
    expect(audit.parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(audit.complete).toBe(true);
    expect(found.flux).toContain(cacheFolderName('black-forest-labs/FLUX.1-dev'));
  });

  it('links what it found into a pack that the engine opens, copying nothing', async () => {
    const cache = join(pack.root, 'cache');
    await intoCache(cache, 'black-forest-labs/FLUX.1-dev', pack.flux);
    const { found } = await check({ cacheDir: cache });
    const folder = join(pack.root, 'packs', 'infiniteyou-flux');
    await linkPack(found, folder);
    const inspected = await inspectPack(folder);
    expect(inspected.components.flatMap(({ missing }) => missing)).toEqual([]);
    expect(inspected.complete).toBe(true);
    const vae = join(folder, 'flux', 'vae', 'diffusion_pytorch_model.safetensors');
    expect((await lstat(vae)).isSymbolicLink()).toBe(true);
    expect(await realpath(vae)).toContain('blobs');
    const use = await packUse(folder);
    expect(use).toMatchObject({ installed: true, unfinished: 0 });
    expect(use.ownBytes).toBeLessThan(10_000);
    expect(use.linkedBytes).toBeGreaterThan(5_000_000);

    await expect(linkPack(found, folder)).rejects.toMatchObject({ code: 'pack.invalid' });
    const blob = await realpath(vae);
    await removePackFolder(folder);
    expect((await readFile(blob)).byteLength).toBeGreaterThan(1_000_000);
    await expect(removePackFolder(folder)).rejects.toMatchObject({ code: 'pack.not-found' });
  });

  it('links a second recognition network, unless it cannot be used', async () => {
    const models = join(pack.root, 'supports', 'insightface', 'models', 'antelopev2');
    await mkdir(models, { recursive: true });
    const glintr100 = join(models, 'glintr100.onnx');
    await writeFile(glintr100, recognitionModel());
    const good = await check();
    expect(good.found.recognition).toBe(glintr100);
    const folder = join(pack.root, 'packs', 'p');
    await linkPack(good.found, folder);
    expect((await openPack(folder)).recognition).toBe(join(folder, 'glintr100.onnx'));

    await writeFile(glintr100, recognitionModel({ outputDims: [1, 128] }));
    const { audit, found } = await check({ roots: [models, pack.root] });
    expect(audit.complete).toBe(true);
    expect(audit.parts.find(({ part }) => part === 'recognition')).toMatchObject({ state: 'other-model' });
    expect(found.recognition).toBeNull();
  });

  it('takes FLUX’s folder without its index', async () => {
    await rm(join(pack.flux, 'model_index.json'));
    const { audit, found } = await check();
    expect(audit.complete).toBe(true);
    const folder = join(pack.root, 'packs', 'p');
    await linkPack(found, folder);
    expect((await inspectPack(folder)).complete).toBe(true);
  });

  it('says what lies there instead of FLUX', async () => {
    await rm(pack.flux, { recursive: true });
    await writeFile(join(pack.root, 'flux1-dev-Q4_0.gguf'), 'GGUF\x03\0\0\0');
    await rewrite('test/fixtures/reference-tiny/flux/transformer', join(pack.root, 'flux1-dev.safetensors'), {
      rename: (name) => `double_blocks.0.${name}`,
    });
    const { audit, strays } = await check();
    expect(audit.complete).toBe(false);
    expect(audit.parts.find(({ part }) => part === 'flux')).toMatchObject({ state: 'missing', path: null });
    expect(strays.map(({ kind }) => kind).sort()).toEqual(['gguf', 'is-bfl-flux']);
  });

  it('refuses glintr100 when it is all there is, and prefers the right file', async () => {
    const glintr100 = join(pack.root, 'glintr100.onnx');
    await writeFile(
      glintr100,
      onnxBytes({ inputs: ['input.1'], outputs: ['1333'], initializers: ['layer1.0.bn1.weight', 'fc.weight'] }),
    );
    expect((await check()).audit.complete).toBe(true);
    await rm(pack.arcface);
    const { audit } = await check();
    expect(audit.parts.find(({ part }) => part === 'arcface')).toMatchObject({
      path: glintr100,
      findings: [{ kind: 'is-insightface-iresnet' }],
    });
  });

  it('names a variant that was asked for and is not there', async () => {
    const { audit } = await check({ variants: ['sim_stage1'] });
    expect(audit.complete).toBe(false);
    expect(audit.parts.at(-1)).toMatchObject({ variant: 'sim_stage1', state: 'missing' });
  });

  it('names everything of an empty folder', async () => {
    const empty = join(pack.root, 'empty');
    await mkdir(empty);
    const { audit } = await check({ roots: [empty, join(pack.root, 'does-not-exist')] });
    expect(audit.parts.map(({ state }) => state)).toEqual(audit.parts.map(() => 'missing'));
    expect(audit.parts.map(({ part }) => part)).toEqual(
      expect.arrayContaining(['flux', 't5', 'clip', 'vae', 'infusenet', 'arcface', 'scrfd']),
    );
  });
});

describe('findSnapshot', () => {
  it('takes the wanted commit, then the branch’s, then the newest', async () => {
    const cache = join(pack.root, 'cache');
    const copy = join(pack.root, 'copy');
    await cp(join(pack.flux, 'vae'), copy, { recursive: true });
    const snapshot = await intoCache(cache, 'a/b', copy);
    const root = dirname(dirname(snapshot));
    await writeFile(join(root, 'blobs', 'cafe.incomplete'), '');
    expect(await findSnapshot(cache, 'a/b', 'main')).toEqual({ folder: snapshot, commit: COMMIT, unfinished: 1 });
    const other = 'b'.repeat(40);
    await mkdir(join(dirname(snapshot), other));
    await utimes(snapshot, 1000, 1000);
    expect((await findSnapshot(cache, 'a/b', other))?.commit).toBe(other);
    expect((await findSnapshot(cache, 'a/b', 'unknown'))?.commit).toBe(COMMIT);
    await writeFile(join(root, 'refs', 'main'), 'c'.repeat(40));
    expect((await findSnapshot(cache, 'a/b', '../../x'))?.commit).toBe(other);
    expect(await findSnapshot(cache, 'a/none', 'main')).toBeNull();
  });
});
