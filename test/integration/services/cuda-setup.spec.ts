/** The set-up of CUDA's libraries by the app: made-up wheels and pip, the scripted engine, whole states as events. */
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cudaSystem } from '../../../src-main/base/cuda-parts.js';
import type { CudaSetup } from '../../../src-main/contract/cuda.js';
import type { WheelTable } from '../../../src-main/library/cuda-wheels.js';
import type { PipTool } from '../../../src-main/library/pip-tool.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import type { HostOptions } from '../../../src-main/services/host/app-host.js';
import { makePip } from '../../support/made-up-pip.js';
import { makeWheels, PACKAGES } from '../../support/made-up-wheels.js';
import { openScriptedHost, SCRIPTED_ENGINE, type ScriptedHost } from '../support/scripted-host.js';

const system = cudaSystem(process);
const [FIRST = '', , THIRD = ''] = PACKAGES;

describe.skipIf(system === null)('the set-up of CUDA', () => {
  let folder: string;
  let app: ScriptedHost;
  let states: CudaSetup[];
  let table: WheelTable;
  let tool: PipTool | null;
  let free: number;
  let options: Partial<HostOptions>;

  const cudaDir = () => join(folder, 'cuda');
  const wheels = () => join(folder, 'wheels');
  const fromWheels = (from = wheels()) => ({
    kind: 'wheels' as const,
    from: { kind: 'folder' as const, folder: from },
  });
  /** What the engine says of itself from now on. */
  const probe = (works: boolean) =>
    writeFile(
      join(folder, 'probe.json'),
      JSON.stringify({
        providers: [
          { provider: 'cpu', available: true, detail: 'scripted' },
          { provider: 'webgpu', available: true, detail: 'available' },
          { provider: 'cuda', available: works, detail: works ? 'available' : 'these libraries are missing' },
        ],
      }),
    );

  const state = () => states.at(-1) ?? null;

  async function until(wanted: (state: CudaSetup) => boolean): Promise<CudaSetup> {
    await expect.poll(() => (state() === null ? false : wanted(state() as CudaSetup)), { timeout: 10_000 }).toBe(true);
    return state() as CudaSetup;
  }

  const ended = () => until(({ status }) => status !== 'running');

  function follow(): void {
    states = [];
    app.host.hub.subscribe('cuda', (value) => {
      if (value === null) states = [];
      else states.push(value);
    });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-cuda-'));
    await mkdir(wheels());
    table = makeWheels(wheels(), system ?? 'linux-x64');
    tool = null;
    free = 1e12;
    await probe(false);
    options = {
      cudaDir: cudaDir(),
      cudaWheels: table,
      freeBytes: () => Promise.resolve(free),
      findPip: () => Promise.resolve(tool),
      spawnEngine: forkEngine(SCRIPTED_ENGINE, { SCRIPTED_PROBE: join(folder, 'probe.json') }),
    };
    app = await openScriptedHost(options);
    follow();
  });
  afterEach(async () => {
    await app.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('says what it would do, then makes cuda the default', async () => {
    expect((await app.call('system.info', {})).defaultProvider).toBe('webgpu');
    const plan = await app.call('cuda.plan', {});
    expect(plan).toMatchObject({ folder: cudaDir(), tool: null, installedBytes: 0, freeBytes: 1e12 });
    expect(plan.missing.map((one) => one.package)).toEqual(PACKAGES);
    expect(plan.missing[0]?.page).toBe('https://pypi.org/project/onnxruntime-gpu/1.30.0/#files');
    expect(plan.line).toContain(`--target "${cudaDir()}"`);
    expect(existsSync(cudaDir())).toBe(false);

    await probe(true);
    expect(await app.call('cuda.set-up', { source: fromWheels() })).toEqual({ started: true });
    expect(await ended()).toMatchObject({ status: 'done', works: true, fraction: 1, phase: 'check' });
    const fractions = states.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(states[0]).toMatchObject({ status: 'running', phase: 'begin', fraction: 0, works: null });
    const info = await app.call('system.info', {});
    expect(info.defaultProvider).toBe('cuda');
    expect((await app.call('cuda.plan', {})).missing).toEqual([]);

    // Nothing is taken up again after the end.
    await app.restart();
    follow();
    await app.host.services.packs.list();
    expect(state()).toBeNull();
    expect(readdirSync(cudaDir()).filter((name) => /json|lock|part/.test(name))).toEqual([]);
  });

  it('is paused and resumed, and found again after a restart', async () => {
    tool = await makePip(folder, system ?? 'linux-x64');
    await writeFile(join(folder, `wait-${THIRD}`), '');
    await app.call('cuda.set-up', { source: { kind: 'tool' } });
    const at = await until((one) => one.package === THIRD && one.phase === 'download');
    expect(at.fraction).toBeGreaterThan(0);
    await app.call('cuda.pause', {});
    expect(state()).toMatchObject({ status: 'paused', error: null });
    expect((await app.call('cuda.plan', {})).missing.map((one) => one.package)).toEqual(PACKAGES.slice(2));

    await app.call('cuda.resume', {});
    await until((one) => one.status === 'running' && one.package === THIRD);
    // As closing the window does.
    await app.restart();
    follow();
    const found = await until((one) => one.status === 'paused');
    expect(found.source).toEqual({ kind: 'tool' });
    expect(found.fraction).toBeGreaterThan(0);
    await rm(join(folder, `wait-${THIRD}`));
    await app.call('cuda.resume', {});
    expect(await ended()).toMatchObject({ status: 'done', works: false });
    const asked = (await readFile(join(folder, 'asked.txt'), 'utf8')).trim().split('\n');
    expect(asked.filter((line) => line.includes(`${FIRST}==`))).toHaveLength(1);
    expect(existsSync(join(cudaDir(), '.part'))).toBe(false);
  });

  it('fails on a full disk and goes on when there is room', async () => {
    free = 2 ** 28;
    await app.call('cuda.set-up', { source: fromWheels() });
    expect((await ended()).error).toMatchObject({ code: 'disk.full' });
    free = 1e12;
    await app.call('cuda.resume', {});
    expect((await ended()).status).toBe('done');
  });

  it('fails on a wheel that is not the published one, and goes on with the right one', async () => {
    const file = join(wheels(), (await app.call('cuda.plan', {})).missing[1]?.file ?? '');
    await copyFile(file, `${file}.right`);
    const bytes = await readFile(file);
    bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
    await writeFile(file, bytes);
    await app.call('cuda.set-up', { source: fromWheels() });
    const { status, error } = await ended();
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'download.failed', details: { reason: 'checksum' } });
    expect(error?.message).toContain(`${file} is not the file that was published`);
    expect((await app.call('cuda.plan', {})).missing.map((one) => one.package)).toEqual(PACKAGES.slice(1));
    await copyFile(`${file}.right`, file);
    await app.call('cuda.resume', {});
    expect((await ended()).status).toBe('done');
  });

  it('refuses a second one, here and from another process', async () => {
    tool = await makePip(folder, system ?? 'linux-x64');
    await writeFile(join(folder, `wait-${FIRST}`), '');
    const both = await Promise.allSettled([
      app.call('cuda.set-up', { source: { kind: 'tool' } }),
      app.call('cuda.set-up', { source: { kind: 'tool' } }),
    ]);
    const refused = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
    expect(refused.map(({ message }) => message)).toEqual(['CUDA’s libraries are already being set up.']);
    await expect(app.call('cuda.resume', {})).rejects.toMatchObject({ details: { reason: 'busy' } });
    await app.call('cuda.remove', {});
    expect(state()).toBeNull();

    await mkdir(cudaDir(), { recursive: true });
    await writeFile(join(cudaDir(), '.download.lock'), String(process.ppid));
    await app.call('cuda.set-up', { source: fromWheels() });
    expect((await ended()).error?.message).toContain('already downloading into');
    await rm(join(cudaDir(), '.download.lock'));
  });

  it('is not begun without a means, and says what to do', async () => {
    await expect(app.call('cuda.set-up', { source: { kind: 'tool' } })).rejects.toMatchObject({
      message: 'Neither pip nor uv was found on this computer.',
    });
    await expect(app.call('cuda.set-up', { source: fromWheels('wheels') })).rejects.toThrow('not an absolute path');
    await expect(app.call('cuda.set-up', { source: { kind: 'wheels', from: { kind: 'dialog' } } })).rejects.toThrow(
      'cannot open a folder dialog',
    );
    await expect(app.call('cuda.resume', {})).rejects.toThrow('There is no set-up of CUDA to resume.');
    expect(existsSync(cudaDir())).toBe(false);
    await app.restart({ pickFolder: () => Promise.resolve(null) });
    const source = { kind: 'wheels' as const, from: { kind: 'dialog' as const } };
    expect(await app.call('cuda.set-up', { source })).toEqual({ started: false });
  });

  it('is taken off the screen when it is done, and removed with its libraries', async () => {
    await app.call('cuda.set-up', { source: fromWheels() });
    await ended();
    expect((await app.call('cuda.plan', {})).installedBytes).toBeGreaterThan(0);
    await app.call('cuda.close', {});
    expect(state()).toBeNull();
    await app.call('cuda.remove', {});
    expect((await app.call('cuda.plan', {})).missing).toHaveLength(PACKAGES.length);
    expect(readdirSync(cudaDir())).toEqual([]);
  });

  it('with a library that ends the engine leaves the other providers, and says what ended it', async () => {
    await writeFile(
      join(folder, 'probe.json'),
      JSON.stringify({ crash: true, providers: [{ provider: 'webgpu', available: true, detail: 'available' }] }),
    );
    // The process of the host's other questions was ended, too.
    for (const method of ['system.info', 'system.look-again'] as const) {
      const { providers, defaultProvider } = await app.call(method, {});
      expect(defaultProvider).toBe('webgpu');
      expect(providers.find(({ provider }) => provider === 'cuda')).toMatchObject({
        available: false,
        detail: expect.stringMatching(/^The engine ended while cuda was tried\. .*signal SIGKILL/) as string,
      });
    }
    await app.call('cuda.set-up', { source: fromWheels() });
    expect(await ended()).toMatchObject({ status: 'done', works: false });
  });

  it('is paused, not lost, where its file was cut short', async () => {
    await mkdir(cudaDir(), { recursive: true });
    await writeFile(join(cudaDir(), 'set-up.json'), '{"kind":"whe');
    await app.restart();
    follow();
    await app.call('cuda.set-up', { source: fromWheels() });
    expect((await ended()).status).toBe('done');
  });
});
