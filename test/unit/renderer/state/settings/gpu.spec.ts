import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_APP_SETTINGS } from '../../../../../src-main/contract/app-settings';
import type { CudaSetup } from '../../../../../src-main/contract/cuda';
import { createApp, type App } from '../../../../../src-renderer/state/app.svelte';
import { ScriptedClient, settle } from '../scripted-client';

vi.stubGlobal('navigator', { languages: ['en'] });
afterAll(() => vi.unstubAllGlobals());

const PACK = {
  id: 'demo',
  source: 'bundled',
  complete: true,
  modelVariants: ['aes'],
  quantized: { flux: null, t5: null, infusenet: null },
  defaults: { width: 256, height: 256, steps: 20, guidance: 2 },
  limits: { minSize: 256, maxSize: 256, maxSteps: 50 },
};
const SETUP: CudaSetup = {
  status: 'running',
  source: { kind: 'tool' },
  phase: 'download',
  package: 'nvidia-cublas',
  fraction: 0.5,
  secondsLeft: null,
  works: null,
  error: null,
};
const system = (defaultProvider: string, cuda: boolean): unknown => ({
  defaultProvider,
  cuda: null,
  providers: [
    { provider: 'webgpu', available: true, detail: '' },
    { provider: 'cuda', available: cuda, detail: '' },
  ],
});

let client: ScriptedClient;
let app: App;

async function open(provider: 'webgpu' | null = null): Promise<void> {
  client = new ScriptedClient();
  const page = { location: { hash: '' }, addEventListener: () => undefined } as unknown as Window;
  app = createApp(client, page);
  for (const part of [app.settings, app.models, app.gpu, app.studio]) part.start();
  await client.take('packs.list').answer([PACK]);
  await client.tell('settings', { ...DEFAULT_APP_SETTINGS, provider });
  await client.take('system.info').answer(system('webgpu', false));
  await client.tell('queue', queue());
}

function queue(...codes: readonly string[]): never {
  const cells = codes.map((code, at) => ({ runId: `r${at}`, status: 'failed', error: { code, message: '' } }));
  return {
    paused: false,
    problem: null,
    entries: [{ comparisonId: 'c', title: '', cells }],
    runningRunId: null,
  } as never;
}

async function finish(works: boolean): Promise<void> {
  await client.tell('cuda', SETUP);
  await client.tell('cuda', { ...SETUP, status: 'done', works });
  await client.take('system.info').answer(system(works ? 'cuda' : 'webgpu', works));
  await client.take('cuda.plan').answer({ installedBytes: 1 });
  await settle();
}

beforeEach(() => open());

describe('the end of a set-up', () => {
  it('moves the form to cuda and says so', async () => {
    expect(app.studio.draft?.provider).toBe('webgpu');
    await finish(true);
    expect(app.studio.draft?.provider).toBe('cuda');
    expect(app.notices.list.map(({ message }) => message)).toEqual([
      'CUDA is ready. Pictures are made with cuda from now on.',
    ]);
  });

  it('leaves a form whose device was chosen, here or in the settings', async () => {
    app.studio.change({ provider: 'cpu' });
    await finish(true);
    expect(app.studio.draft?.provider).toBe('cpu');
    await open('webgpu');
    await finish(true);
    expect(app.studio.draft?.provider).toBe('webgpu');
  });

  it('promises nothing where cuda does not work yet', async () => {
    await finish(false);
    expect(app.studio.draft?.provider).toBe('webgpu');
    expect(app.notices.list).toEqual([]);
  });
});

describe('a picture that failed for its device', () => {
  it('has the providers tried anew, once, and the studio says what is gone', async () => {
    await finish(true);
    expect(app.studio.problems.provider).toBeUndefined();
    await client.tell('queue', queue('engine.out-of-memory', 'engine.provider-unavailable'));
    await client.take('system.look-again').answer(system('webgpu', false));
    expect(app.studio.problems.provider).toBe('cuda does not work here: choose another device.');
    expect(app.studio.ready).toBe(false);
    await client.tell('queue', queue('engine.out-of-memory', 'engine.provider-unavailable'));
    expect(() => client.take('system.look-again')).toThrow('Nothing called');
  });

  it('of an earlier session is no news', async () => {
    client = new ScriptedClient();
    const page = { location: { hash: '' }, addEventListener: () => undefined } as unknown as Window;
    createApp(client, page).gpu.start();
    await client.tell('queue', queue('engine.provider-unavailable'));
    expect(() => client.take('system.look-again')).toThrow('Nothing called');
  });
});
