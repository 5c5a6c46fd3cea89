import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditPack, packTarget } from '../../../src-main/engine/pack/audit-pack.js';
import { describePlace } from '../../../src-main/engine/pack/describe-place.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { inspectPack } from '../../../src-main/engine/pipeline/packs/inspect-pack.js';
import type { AuditPart, AuditTarget, PackAudit } from '../../../src-main/engine/protocol/audit-report.js';
import { searchParts, type Auditor, type PartSearch } from '../../../src-main/library/import-check.js';
import { folderForName, importedPacks } from '../../../src-main/library/imported-packs.js';
import { packUse, removePackFolder } from '../../../src-main/library/pack-folder.js';
import { choiceOf, targetOf } from '../../../src-main/library/part-choice.js';
import { writePack } from '../../../src-main/library/write-pack.js';
import { recognitionModel } from '../../support/recognition-model.js';
import { onnxBytes } from '../support/onnx-bytes.js';
import { makeTinyPack, rewrite, type TinyPack } from '../support/tiny-pack.js';

const COMMIT = 'a'.repeat(40);

let pack: TinyPack;
beforeEach(async () => {
  pack = await makeTinyPack();
});
afterEach(() => pack.remove());

const AUDITOR: Auditor = {
  pack: async (target, expected) =>
    auditPack('packPath' in target ? await packTarget(target.packPath) : target, expected),
  describe: (places, expected) => Promise.all(places.map((place) => describePlace(place, expected))),
};
const TEXT = { name: 'My files', licence: 'for tests' };

interface Checked extends PartSearch {
  readonly target: AuditTarget;
  readonly audit: PackAudit;
}

async function check(places: readonly string[] = [pack.root], variants: readonly string[] = []): Promise<Checked> {
  const search = await searchParts({ places, expectedTensors: {} }, AUDITOR);
  const target = targetOf(search.slots, {}, variants);
  return { ...search, target, audit: await AUDITOR.pack(target, {}) };
}

function candidates({ slots }: PartSearch, part: AuditPart): readonly string[] {
  return slots.find((slot) => slot.part === part)?.candidates.map(({ path }) => path) ?? [];
}

/** As the hub's tools name it. */
function cacheFolderName(repository: string): string {
  return `models--${repository.replaceAll('/', '--')}`;
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

describe('searchParts', () => {
  it('finds everything below one folder', async () => {
    const { audit, target, others } = await check();
    expect(audit.parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(audit.complete).toBe(true);
    expect(target.variants.map(([name]) => name)).toEqual(['aes_stage2']);
    expect(others).toEqual([]);
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

    const { audit, target } = await check([face, cache]);
    expect(audit.parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(audit.complete).toBe(true);
    expect(target.flux?.path).toContain(cacheFolderName('black-forest-labs/FLUX.1-dev'));
  });

  it('gives what a pack needs that the engine opens, copying nothing', async () => {
    const cache = join(pack.root, 'cache');
    await intoCache(cache, 'black-forest-labs/FLUX.1-dev', pack.flux);
    const { target } = await check();
    const packs = join(pack.root, 'packs');
    const folder = folderForName(packs, TEXT.name, []);
    await writePack(target, TEXT, folder);
    const inspected = await inspectPack(folder);
    expect(inspected.components.flatMap(({ missing }) => missing)).toEqual([]);
    expect(inspected.complete).toBe(true);
    expect(await readdir(folder)).toEqual(['pack.json']);
    expect(importedPacks(packs)).toMatchObject([{ id: 'my-files', name: 'My files', folder }]);
    expect(folderForName(packs, TEXT.name, [])).toBe(`${folder}-2`);
    const use = await packUse(folder);
    expect(use).toMatchObject({ installed: true, unfinished: 0 });
    expect(use.ownBytes).toBeLessThan(10_000);
    const weights = inspected.components.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(use.linkedBytes).toBeGreaterThan(weights);

    await expect(writePack(target, TEXT, folder)).rejects.toMatchObject({ code: 'pack.invalid' });
    await removePackFolder(folder);
    expect((await check()).audit.complete).toBe(true);
    await expect(removePackFolder(folder)).rejects.toMatchObject({ code: 'pack.not-found' });
  });

  it('uses a second recognition network, unless it cannot be used', async () => {
    const models = join(pack.root, 'supports', 'insightface', 'models', 'antelopev2');
    await mkdir(models, { recursive: true });
    const glintr100 = join(models, 'glintr100.onnx');
    await writeFile(glintr100, recognitionModel());
    const good = await check();
    const folder = join(pack.root, 'packs', 'p');
    await writePack(good.target, TEXT, folder);
    expect((await openPack(folder)).recognition).toBe(glintr100);

    await writeFile(glintr100, recognitionModel({ outputDims: [1, 128] }));
    const { audit, target, others } = await check([models, pack.root]);
    expect(audit.complete).toBe(true);
    expect(target.recognition).toBeNull();
    expect(others.map(({ file }) => file)).toEqual([glintr100]);
  });

  it('needs no index and no configs', async () => {
    await rm(join(pack.flux, 'model_index.json'));
    for (const name of ['text_encoder', 'vae']) await rm(join(pack.flux, name, 'config.json'));
    const { audit, target } = await check();
    expect(audit.complete).toBe(true);
    expect(target.vae?.config).toBeNull();
    const folder = join(pack.root, 'packs', 'p');
    await writePack(target, TEXT, folder);
    expect((await inspectPack(folder)).complete).toBe(true);
  });

  it('proposes one of several files for a part, and uses the one that was chosen', async () => {
    const copy = join(pack.root, 'vae-copy.safetensors');
    await rewrite(join(pack.flux, 'vae'), copy, {});
    const search = await check();
    expect(candidates(search, 'vae').toSorted()).toEqual([join(pack.flux, 'vae'), copy].toSorted());
    const choice = choiceOf(search.slots, new Map([['vae', copy]]));
    expect(targetOf(search.slots, choice).vae).toEqual({ path: copy, config: null });
    expect(() => choiceOf(search.slots, new Map([['vae', pack.arcface]]))).toThrow(/was not found for the part vae/);
    expect(() => choiceOf(search.slots, new Map([['unet', copy]]))).toThrow(/no part "unet"/);
  });

  it('says what lies there instead of FLUX', async () => {
    await rm(pack.flux, { recursive: true });
    await rewrite('test/fixtures/reference-tiny/flux/transformer', join(pack.root, 'style.safetensors'), {
      rename: (name) => `transformer.${name.replace('.weight', '.lora_A.weight')}`,
    });
    const { audit, others } = await check();
    expect(audit.complete).toBe(false);
    expect(audit.parts.find(({ part }) => part === 'flux')).toMatchObject({ state: 'missing', path: null });
    expect(others.map(({ kind }) => kind)).toEqual(['is-lora']);
  });

  it('does not take glintr100 for ArcFace', async () => {
    const glintr100 = join(pack.root, 'glintr100.onnx');
    await writeFile(
      glintr100,
      onnxBytes({ inputs: ['input.1'], outputs: ['1333'], initializers: ['layer1.0.bn1.weight', 'fc.weight'] }),
    );
    expect((await check()).audit.complete).toBe(true);
    await rm(pack.arcface);
    const { audit } = await check();
    expect(audit.parts.find(({ part }) => part === 'arcface')).toMatchObject({ path: null, state: 'missing' });
  });

  it('names a variant that was asked for and is not there', async () => {
    const { audit } = await check([pack.root], ['aes_stage2', 'sim_stage1']);
    expect(audit.complete).toBe(false);
    const wrong = audit.parts.filter(({ state }) => state !== 'ok');
    expect(wrong.map(({ part, variant, state }) => [part, variant, state])).toEqual([
      ['infusenet', 'sim_stage1', 'missing'],
      ['image-projection', 'sim_stage1', 'missing'],
    ]);
  });

  it('names everything of an empty folder', async () => {
    const empty = join(pack.root, 'empty');
    await mkdir(empty);
    const { audit } = await check([empty, join(pack.root, 'does-not-exist')]);
    expect(audit.parts.map(({ state }) => state)).toEqual(audit.parts.map(() => 'missing'));
    expect(audit.parts.map(({ part }) => part)).toEqual(
      expect.arrayContaining(['flux', 't5', 'clip', 'vae', 'infusenet', 'arcface', 'scrfd']),
    );
  });
});
