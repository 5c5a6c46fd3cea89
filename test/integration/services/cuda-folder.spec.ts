/** The folder chosen for CUDA's libraries, looked into by the real engine. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cudaSystem, type CudaPackage } from '../../../src-main/base/cuda-parts.js';
import { testAssets } from '../../support/test-assets.js';
import { wheelContents } from '../../support/made-up-wheels.js';
import { openRealHost, type InProcessHost } from '../support/real-host.js';

const system = cudaSystem(process);

describe.skipIf(system === null)('the folder of CUDA', () => {
  let folder: string;
  let app: InProcessHost;
  const open = async (): Promise<void> => {
    app = await openRealHost(join(folder, 'data'), await testAssets(await mkdtemp(join(folder, 'assets-'))));
  };
  const choose = (path: string) => app.call('cuda.choose-folder', { choice: { kind: 'folder', folder: path } });
  const fileOf = async (id: string) =>
    (await app.call('system.info', {})).cuda?.parts.find(({ part }) => part === id)?.file ?? null;

  async function fill(root: string, name: CudaPackage): Promise<void> {
    for (const [path, bytes] of Object.entries(wheelContents(name, system ?? 'linux-x64'))) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), bytes);
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-cuda-folder-'));
    await fill(join(folder, 'mine'), 'nvidia-curand');
    await fill(join(folder, 'data', 'cuda'), 'nvidia-curand');
    await fill(join(folder, 'data', 'cuda'), 'nvidia-cuda-nvrtc');
    await mkdir(join(folder, 'empty'));
    await mkdir(join(folder, 'odd:name'));
    await open();
  });
  afterAll(async () => {
    await app.host.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is none at first; the app’s own is looked in', async () => {
    expect(await app.call('cuda.folder', {})).toEqual({ folder: null, exists: false });
    expect(await fileOf('curand')).toContain(join(folder, 'data', 'cuda'));
  });

  const refused: [string, string, RegExp][] = [
    ['that is not there', 'nowhere', /^There is no folder .*nowhere on this computer\.$/],
    ['without libraries', 'empty', /empty holds none of CUDA’s libraries\.$/],
  ];
  if (process.platform !== 'win32') refused.push(['that would be cut', 'odd:name', /has a ":"/]);
  it.each(refused)('%s is refused', async (_what, name, message) => {
    await expect(choose(join(folder, name))).rejects.toMatchObject({ code: 'engine.request-invalid' });
    await expect(choose(join(folder, name))).rejects.toThrow(message);
    expect(await app.call('cuda.folder', {})).toEqual({ folder: null, exists: false });
  });

  it('is looked in first, before the app’s own, also after a restart', async () => {
    const mine = join(folder, 'mine');
    expect(await choose(`  "${mine}" `)).toEqual({ folder: mine, exists: true });
    for (const restart of [false, true]) {
      if (restart) {
        await app.host.close();
        await open();
      }
      expect(await fileOf('curand')).toContain(mine);
      expect(await fileOf('nvrtc')).toContain(join(folder, 'data', 'cuda'));
    }
  });

  it('that vanished is said, and what is elsewhere is found', async () => {
    const mine = join(folder, 'mine');
    await rename(mine, join(folder, 'away'));
    expect(await app.call('cuda.folder', {})).toEqual({ folder: mine, exists: false });
    const { cuda } = await app.call('system.look-again', {});
    expect(cuda?.parts.find(({ part }) => part === 'curand')?.file).toContain(join(folder, 'data', 'cuda'));
    expect(await app.call('cuda.choose-folder', { choice: { kind: 'default' } })).toEqual({
      folder: null,
      exists: false,
    });
  });
});
