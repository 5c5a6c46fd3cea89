/** From a program's folder to the parts of a pack: found, chosen, missing, and everything that can go wrong on the way. */
import { chmod, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditPack, packTarget } from '../../../src-main/engine/pack/audit-pack.js';
import { describePlace } from '../../../src-main/engine/pack/describe-place.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import type { AuditPart } from '../../../src-main/engine/protocol/audit-report.js';
import {
  searchParts,
  type Auditor,
  type PartSearch,
  type SearchRequest,
} from '../../../src-main/library/import-check.js';
import { INFINITEYOU_FLUX } from '../../../src-main/library/manifest.js';
import { missingParts, partsManifest } from '../../../src-main/library/missing-parts.js';
import { chosen, choiceOf, targetOf } from '../../../src-main/library/part-choice.js';
import { writePack } from '../../../src-main/library/write-pack.js';
import {
  addFaceParts,
  addIdentityParts,
  COMFY_FILES,
  FILE,
  link,
  makeComfyFolder,
} from '../support/program-folders.js';
import { mergeFiles, rewrite } from '../support/tiny-pack.js';

const AUDITOR: Auditor = {
  pack: async (target, expected) =>
    auditPack('packPath' in target ? await packTarget(target.packPath) : target, expected),
  describe: (places, expected) => Promise.all(places.map((place) => describePlace(place, expected))),
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-search-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);

function search(places: readonly string[], more: Partial<SearchRequest> = {}, auditor = AUDITOR): Promise<PartSearch> {
  const here = { home: folder, env: {}, platform: 'linux' } as const;
  return searchParts({ places, expectedTensors: {}, here, ...more }, auditor);
}

/** Files by part, usable ones alone. */
function usable({ slots }: PartSearch): Record<string, readonly string[]> {
  const named = slots.map(({ part, candidates }): [string, readonly string[]] => [
    part,
    candidates.filter(({ audited }) => audited.state === 'ok').map(({ path }) => path.slice(folder.length + 1)),
  ]);
  return Object.fromEntries(named.filter(([, paths]) => paths.length > 0));
}

/** The superuser may read everything, so that it becomes another user for the time of the work. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  const NOBODY = 65534;
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe('ComfyUI’s folder', () => {
  it('has all but the identity’s parts, which are named with their sizes and where they come from', async () => {
    await makeComfyFolder(at('ComfyUI'));
    const found = await search([at('ComfyUI')]);
    expect(found).toMatchObject({ program: 'comfyui', others: [], unfinished: [], isPartial: false });
    expect(usable(found)).toEqual({
      flux: ['ComfyUI/models/diffusion_models/flux1-dev.safetensors'],
      t5: ['ComfyUI/models/text_encoders/t5xxl_fp16.safetensors'],
      clip: ['ComfyUI/models/clip/clip_l.safetensors'],
      vae: ['ComfyUI/models/vae/ae.safetensors'],
      tokenizer: ['ComfyUI/comfy/sd1_tokenizer'],
      tokenizer_2: ['ComfyUI/comfy/text_encoders/t5_tokenizer'],
    });
    const missing = missingParts(found.slots, INFINITEYOU_FLUX);
    expect(missing.map(({ key, bytes, from, gated }) => [key, bytes, from, gated])).toEqual([
      ['infusenet/aes_stage2', 5.91e9, 'ByteDance/InfiniteYou', false],
      ['image-projection/aes_stage2', 338_413_026, 'ByteDance/InfiniteYou', false],
      ['arcface', 175_367_323, 'xinntao/facexlib', false],
      ['scrfd', 16_923_827, 'ByteDance/InfiniteYou', false],
    ]);
    const download = partsManifest(
      INFINITEYOU_FLUX,
      'parts',
      missing.map(({ key }) => key),
    );
    expect(download.files.map(({ target }) => target)).toEqual([
      'aes_stage2/infusenet_aes_bf16.safetensors',
      'aes_stage2/image_proj_model.bin',
      'recognition_arcface_ir_se50.pth',
      'scrfd_10g_bnkps.onnx',
    ]);
    expect(download.variants).toEqual(['aes_stage2']);
  });

  it('becomes a pack that the engine opens once the other parts are there, or in another folder', async () => {
    await makeComfyFolder(at('ComfyUI'));
    await addIdentityParts(at('ComfyUI'));
    await rename(at('ComfyUI/models/facexlib'), at('parts'));
    const found = await search([at('ComfyUI')], { own: [at('parts')] });
    expect(missingParts(found.slots, INFINITEYOU_FLUX)).toEqual([]);
    const target = targetOf(found.slots, {});
    expect(await auditPack(target)).toMatchObject({ complete: true });
    await writePack(target, { name: 'ComfyUI', licence: 'for tests' }, at('packs', 'comfyui'));
    const pack = await openPack(at('packs', 'comfyui'));
    expect([...pack.variants.keys()]).toEqual(['aes_stage2']);
    expect(pack.faceDetection).toEqual({ kind: 'scrfd' });
  });

  it('is searched where extra_model_paths.yaml says', async () => {
    await makeComfyFolder(at('ComfyUI'));
    await mkdir(at('disk'));
    await rename(at('ComfyUI/models/diffusion_models'), at('disk/unet'));
    await writeFile(at('ComfyUI/extra_model_paths.yaml'), `mine:\n  base_path: ../disk\n  unet: unet\n  vae: gone\n`);
    const found = await search([at('ComfyUI')]);
    expect(usable(found)['flux']).toEqual(['disk/unet/flux1-dev.safetensors']);
    expect(found.others.map(({ kind }) => kind)).toEqual(['listed-folder-missing']);
  });
});

describe('other programs’ folders', () => {
  it('finds Forge’s files, Stability Matrix’s and those of Hugging Face’s cache, each once', async () => {
    const [flux, t5, clip, vae] = Object.values(COMFY_FILES) as [string, string, string, string];
    await link(at('forge'), {
      'models/Stable-diffusion/flux1-dev.safetensors': flux,
      'models/text_encoder/t5xxl.safetensors': t5,
    });
    await link(at('SM'), { 'Data/Models/TextEncoders/clip_l.safetensors': clip });
    await link(at('hub'), {
      'models--a--b/blobs/1': vae,
      'models--a--b/snapshots/111/ae.safetensors': at('hub/models--a--b/blobs/1'),
      'models--a--b/snapshots/222/ae.safetensors': at('hub/models--a--b/blobs/1'),
    });
    const found = await search([at('forge'), at('SM'), at('hub')]);
    expect(usable(found)).toEqual({
      flux: ['forge/models/Stable-diffusion/flux1-dev.safetensors'],
      t5: ['forge/models/text_encoder/t5xxl.safetensors'],
      clip: ['SM/Data/Models/TextEncoders/clip_l.safetensors'],
      vae: ['hub/models--a--b/snapshots/111/ae.safetensors'],
    });
  });

  it('takes files that were dropped, and tells what they are by what is in them', async () => {
    await link(folder, { 'a.safetensors': FILE('ae.safetensors'), 'b.bin': FILE('clip_l.safetensors') });
    expect(usable(await search([at('a.safetensors'), at('b.bin')]))).toEqual({
      vae: ['a.safetensors'],
      clip: ['b.bin'],
    });
  });
});

describe('a choice', () => {
  it('is the 16-bit file where there are several, unless another one is chosen', async () => {
    await link(at('mine'), {
      'flux-fp8.safetensors': FILE('flux-fp8-e4m3fn.safetensors'),
      'flux-q4.gguf': FILE('flux-Q4_0.gguf'),
      'flux-q8.gguf': FILE('flux-Q8_0.gguf'),
      'flux.safetensors': FILE('flux-bf16.safetensors'),
    });
    const { slots } = await search([at('mine')]);
    const [slot] = slots;
    if (slot === undefined) throw new Error('FLUX has no slot');
    expect(slot.candidates.map(({ audited }) => audited.quantized)).toEqual([null, 'Q8_0', 'F8_E4M3', 'Q4_0']);
    expect(chosen(slot, {})?.path).toBe(at('mine/flux.safetensors'));
    const choice = choiceOf(slots, new Map([['flux', at('mine/flux-q4.gguf')]]));
    expect(targetOf(slots, choice).flux).toEqual({ path: at('mine/flux-q4.gguf'), config: null });
  });

  it('is one file for all the parts that are in it', async () => {
    const all = at('all-in-one.safetensors');
    await mergeFiles(all, {
      'model.diffusion_model.': FILE('flux-bf16.safetensors'),
      'text_encoders.t5xxl.transformer.': FILE('t5-f16.safetensors'),
      'text_encoders.clip_l.transformer.': FILE('clip_l.safetensors'),
      'vae.': FILE('ae.safetensors'),
    });
    const { slots, others } = await search([all]);
    const target = targetOf(slots, {});
    expect([target.flux, target.t5, target.clip, target.vae].map((place) => place?.path)).toEqual([all, all, all, all]);
    expect(others).toEqual([]);
  });

  it('goes by variants: the whole one is used, of a half one nothing is said to be missing', async () => {
    await makeComfyFolder(at('ComfyUI'));
    await addIdentityParts(at('ComfyUI'));
    const other = at('ComfyUI/models/sim_stage1_control_net.safetensors');
    await rewrite(FILE('infusenet_aes_fp8e4m3fn.safetensors'), other, {});
    const { slots } = await search([at('ComfyUI')]);
    expect(slots.flatMap(({ part, variant }) => (part === 'infusenet' ? [variant] : []))).toEqual([
      'aes_stage2',
      'sim_stage1',
    ]);
    expect(targetOf(slots, {}).variants.map(([name]) => name)).toEqual(['aes_stage2']);
    expect(missingParts(slots, INFINITEYOU_FLUX)).toEqual([]);
  });
});

describe('a search', () => {
  it('ends in links that go in circles', async () => {
    await makeComfyFolder(at('ComfyUI'));
    await symlink(at('ComfyUI'), at('ComfyUI/models/again'));
    await symlink(at('ComfyUI/models'), at('ComfyUI/models/vae/up'));
    expect(usable(await search([at('ComfyUI')]))['vae']).toEqual(['ComfyUI/models/vae/ae.safetensors']);
  });

  it.skipIf(process.platform === 'win32')('tells which folder it may not read', async () => {
    await mkdir(at('mine/secret'), { recursive: true });
    await chmod(at('mine/secret'), 0);
    await chmod(folder, 0o755);
    const { others } = await asNobody(() => search([at('mine')]));
    expect(others).toMatchObject([{ kind: 'folder-unreadable', file: at('mine/secret') }]);
    await chmod(at('mine/secret'), 0o700);
  });

  it('stops in the middle when it is cancelled', async () => {
    await makeComfyFolder(at('ComfyUI'));
    const stop = new AbortController();
    const described: number[] = [];
    const auditor: Auditor = {
      ...AUDITOR,
      describe(places, expected) {
        stop.abort();
        described.push(places.length);
        return AUDITOR.describe(places, expected);
      },
    };
    for (let i = 0; i < 40; i++) await writeFile(at(`ComfyUI/models/${i}.safetensors`), String(i));
    await expect(search([at('ComfyUI')], { signal: stop.signal }, auditor)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(described).toEqual([16]);
  });

  it('reports progress, from folders to headers', async () => {
    await makeComfyFolder(at('ComfyUI'));
    const seen: string[] = [];
    await search([at('ComfyUI')], {
      onProgress: ({ folders, places, described }) => seen.push(`${folders} ${places} ${described}`),
    });
    expect(seen[0]).toBe('1 0 0');
    expect(seen.at(-1)).toMatch(/^\d+ 6 6$/);
  });

  it('finds nothing in an empty folder, and everything is missing with a size', async () => {
    const found = await search([folder]);
    expect(usable(found)).toEqual({});
    const missing = missingParts(found.slots, INFINITEYOU_FLUX);
    expect(missing.map(({ key }) => key)).toEqual([
      'flux',
      't5',
      'clip',
      'vae',
      'tokenizer',
      'tokenizer_2',
      'infusenet/aes_stage2',
      'image-projection/aes_stage2',
      'arcface',
      'scrfd',
    ]);
    for (const { bytes, from } of missing) {
      expect(bytes).toBeGreaterThan(1000);
      expect(from).toMatch(/^[\w.-]+\/[\w.-]+$/);
    }
    expect(missing.filter(({ gated }) => gated).map(({ key }) => key)).toEqual(['flux']);
  });

  it('says of a file that vanished before the import that it is missing', async () => {
    await makeComfyFolder(at('ComfyUI'));
    await addIdentityParts(at('ComfyUI'));
    const { slots } = await search([at('ComfyUI')]);
    await rm(at('ComfyUI/models/vae/ae.safetensors'));
    const { complete, parts } = await auditPack(targetOf(slots, {}));
    expect(complete).toBe(false);
    const wrong = parts.filter(({ state }) => state !== 'ok');
    expect(wrong).toMatchObject([{ part: 'vae', state: 'missing', findings: [{ kind: 'file-missing' }] }]);
  });

  it('puts a truncated file under its part, and says so', async () => {
    await makeComfyFolder(at('ComfyUI'));
    await addFaceParts(at('ComfyUI'));
    const file = at('ComfyUI/models/vae/ae.safetensors');
    await rm(file);
    await rewrite(FILE('ae.safetensors'), file, {});
    await truncate(file, 100_000);
    const { slots } = await search([at('ComfyUI')]);
    const of = (part: AuditPart) => slots.find((slot) => slot.part === part);
    expect(of('vae')?.candidates).toMatchObject([{ path: file, audited: { state: 'truncated' } }]);
    expect(missingParts(slots, INFINITEYOU_FLUX).map(({ key }) => key)).toContain('vae');
  });
});
