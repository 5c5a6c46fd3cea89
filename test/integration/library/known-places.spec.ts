/** Folders of other programs, told by what is in them. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootsOf, type Surroundings } from '../../../src-main/library/known-places.js';
import { suggestedPlaces } from '../../../src-main/library/suggested-places.js';

let home: string;
let here: Surroundings;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'likeness-places-'));
  here = { home, env: {}, platform: 'linux' };
});
afterEach(() => rm(home, { recursive: true, force: true }));

const at = (...names: string[]) => join(home, ...names);
const folders = (...paths: string[]) => Promise.all(paths.map((path) => mkdir(at(path), { recursive: true })));

async function comfy(name: string): Promise<void> {
  await folders(...['models/unet', 'models/vae', 'comfy', 'custom_nodes', 'output'].map((path) => `${name}/${path}`));
}

describe('rootsOf', () => {
  it('finds ComfyUI in its folder, in the portable one around it and from its models', async () => {
    await comfy('portable/ComfyUI');
    const own = ['models', 'comfy', 'custom_nodes'].map((name) => at('portable/ComfyUI', name));
    expect(await rootsOf(at('portable/ComfyUI'), here)).toEqual({ program: 'comfyui', roots: own, notes: [] });
    expect(await rootsOf(at('portable/ComfyUI/models'), here)).toMatchObject({ program: 'comfyui', roots: own });
    const around = await rootsOf(at('portable'), here);
    expect(around).toMatchObject({ program: 'comfyui', roots: [...own, at('portable')] });
  });

  it('follows extra_model_paths.yaml, and tells which of its folders are not there', async () => {
    await comfy('ComfyUI');
    await folders('disk/unet', 'webui/models/VAE');
    await writeFile(
      at('ComfyUI/extra_model_paths.yaml'),
      `a:\n  base_path: ${at('disk')}\n  unet: |\n    unet\n    gone\nb:\n  base_path: ../webui\n  vae: models/VAE\n  x: [y]\n`,
    );
    const found = await rootsOf(at('ComfyUI'), here);
    expect(found.roots).toEqual(expect.arrayContaining([at('disk/unet'), at('webui/models/VAE')]));
    expect(found.notes.map(({ kind, file }) => [kind, file])).toEqual([
      ['listed-folder-missing', at('disk/gone')],
      ['list-unread', at('ComfyUI/extra_model_paths.yaml')],
    ]);
    expect(found.notes[0]?.sentence).toContain('names the folder gone, which does not exist');
    expect(found.notes[1]?.sentence).toContain('line 9');
    const alone = await rootsOf(at('ComfyUI/extra_model_paths.yaml'), here);
    expect(alone.roots).toEqual([at('disk/unet'), at('webui/models/VAE')]);
  });

  it('finds Forge, InvokeAI and the models that it keeps elsewhere', async () => {
    await folders('forge/models/Stable-diffusion', 'forge/backend/huggingface', 'forge/outputs', 'disk/invoke');
    const forge = await rootsOf(at('forge'), here);
    expect(forge).toMatchObject({ program: 'forge', roots: [at('forge/models'), at('forge/backend/huggingface')] });
    await folders('invokeai/models');
    await writeFile(at('invokeai/invokeai.yaml'), `schema_version: 4.0.2\nmodels_dir: ../disk/invoke # a drive\n`);
    const invoke = await rootsOf(at('invokeai'), here);
    expect(invoke).toMatchObject({ program: 'invokeai', roots: [at('invokeai/models'), at('disk/invoke')], notes: [] });
  });

  it('finds Stability Matrix with the programs in it', async () => {
    await folders('SM/Data/Models/DiffusionModels');
    await comfy('SM/Data/Packages/ComfyUI');
    const expected = [
      'Data/Models',
      ...['models', 'comfy', 'custom_nodes'].map((name) => `Data/Packages/ComfyUI/${name}`),
    ];
    const found = await rootsOf(at('SM'), here);
    expect(found).toEqual({ program: 'stability-matrix', roots: expected.map((name) => at('SM', name)), notes: [] });
    const data = await rootsOf(at('SM/Data'), here);
    expect(data).toMatchObject({ program: 'stability-matrix', roots: found.roots });
  });

  it('takes every snapshot of Hugging Face’s cache', async () => {
    const repository = 'hf/hub/models--a--b';
    await folders(`${repository}/snapshots/111`, `${repository}/snapshots/222`, `${repository}/blobs`);
    const roots = ['111', '222'].map((commit) => at(repository, 'snapshots', commit));
    for (const place of ['hf', 'hf/hub']) {
      expect(await rootsOf(at(place), here)).toEqual({ program: 'hub-cache', roots, notes: [] });
    }
  });

  it('takes any other folder, and files, as they are', async () => {
    await folders('mine');
    await writeFile(at('mine/a.safetensors'), '');
    expect(await rootsOf(at('mine'), here)).toEqual({ program: null, roots: [at('mine')], notes: [] });
    const file = at('mine/a.safetensors');
    expect(await rootsOf(file, here)).toEqual({ program: null, roots: [file], notes: [] });
  });
});

describe('suggestedPlaces', () => {
  it('offers what is there, in the usual places and where settings say, once each', async () => {
    await comfy('Documents/ComfyUI');
    await comfy('elsewhere/MyComfy');
    await symlink(at('Documents/ComfyUI'), at('ComfyUI'));
    await folders('forge/models/Stable-diffusion', 'library/Data/Models', 'empty/ComfyUI', '.config/ComfyUI');
    await folders('cache/hub/models--a--b/snapshots/111', '.config/StabilityMatrix', 'rooted/models');
    await writeFile(at('rooted/invokeai.yaml'), '');
    await writeFile(at('.config/StabilityMatrix/library.json'), JSON.stringify({ LibraryPath: at('library') }));
    await writeFile(
      at('.config/ComfyUI/extra_models_config.yaml'),
      `comfyui_desktop:\n  base_path: ${at('elsewhere/MyComfy')}\n  vae: models/vae/\n`,
    );
    const env = { INVOKEAI_ROOT: at('rooted'), HF_HOME: at('cache') };
    const found = (await suggestedPlaces({ ...here, env })).filter(({ folder }) => folder.startsWith(home));
    expect(found).toEqual([
      { program: 'comfyui', folder: at('ComfyUI') },
      { program: 'comfyui', folder: at('elsewhere/MyComfy') },
      { program: 'forge', folder: at('forge') },
      { program: 'stability-matrix', folder: at('library') },
      { program: 'invokeai', folder: at('rooted') },
      { program: 'hub-cache', folder: at('cache/hub') },
    ]);
  });

  it('offers nothing on an empty computer, on any system', async () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      const found = await suggestedPlaces({ ...here, platform });
      expect(found.filter(({ folder }) => folder.startsWith(home))).toEqual([]);
    }
  });
});
