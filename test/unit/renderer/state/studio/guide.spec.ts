import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_APP_SETTINGS, type AppSettings } from '../../../../../src-main/contract/app-settings';
import type { QueueEntry } from '../../../../../src-main/contract/comparison';
import { GUIDED_VARIANTS } from '../../../../../src-main/base/vocabulary.js';
import { createApp, type App } from '../../../../../src-renderer/state/app.svelte';
import { ScriptedClient, settle } from '../scripted-client';

const PACK = {
  id: 'demo',
  source: 'bundled',
  complete: true,
  modelVariants: ['aes'],
  quantized: { flux: null, t5: null, infusenet: null },
  defaults: { width: 256, height: 256, steps: 20, guidance: 2 },
  limits: { minSize: 256, maxSize: 256, maxSteps: 50 },
};
const SAMPLES = {
  photos: [{ id: 'ada', role: 'identity', name: 'Ada', credit: '' }],
  prompts: [{ title: 'Laughing', text: 'A portrait of a person laughing.' }],
};

function entry(statuses: readonly string[]): QueueEntry {
  const cells = statuses.map((status, at) => ({ runId: `r${at}`, status, formats: GUIDED_VARIANTS[at], error: null }));
  return { comparisonId: 'c-1', title: 'Guided', cells } as unknown as QueueEntry;
}

/** The page's address and what changes it; the rest of a window is not asked for. */
function fakeWindow(hash: string): Window {
  const location = { hash };
  return { location, addEventListener: () => undefined } as unknown as Window;
}

vi.stubGlobal('navigator', { languages: ['en'] });
afterAll(() => vi.unstubAllGlobals());

let client: ScriptedClient;
let app: App;
let page: Window;
let settings: AppSettings;

/** Tells the settings as the host does after `settings.set`. */
async function tellSettings(change: Partial<AppSettings>): Promise<void> {
  settings = { ...settings, ...change };
  await client.tell('settings', settings);
}
const answerSet = async (): Promise<void> => {
  const call = client.take('settings.set');
  settings = { ...settings, ...(call.input as Partial<AppSettings>) };
  await call.answer(settings);
};
const tellQueue = (entries: readonly QueueEntry[]): Promise<void> =>
  client.tell('queue', { paused: false, problem: null, entries: [...entries], runningRunId: null });

beforeEach(async () => {
  client = new ScriptedClient();
  settings = DEFAULT_APP_SETTINGS;
  page = fakeWindow('#/studio');
  app = createApp(client, page);
  for (const part of [app.settings, app.models, app.photos, app.queue, app.guide]) part.start();
  await client.take('samples.list').answer(SAMPLES);
  await client.take('packs.list').answer([PACK]);
  const system = app.settings.loadSystem();
  await client.take('system.info').answer({ defaultProvider: 'cpu' });
  await system;
  await tellSettings({});
});

describe('the offer', () => {
  it('comes when the gallery is known to be empty, and not before', async () => {
    expect(app.guide.offered).toBe(false);
    await client.tell('gallery', { revision: 1, total: 0, trashed: 0 });
    expect(app.guide.offered).toBe(true);
    await client.tell('gallery', { revision: 2, total: 0, trashed: 1 });
    expect(app.guide.offered, 'something was made before').toBe(false);
  });

  it('does not come without the bundled pack', async () => {
    await client.tell('gallery', { revision: 1, total: 0, trashed: 0 });
    await client.tell('packs', [{ ...PACK, complete: false } as never]);
    expect([app.guide.possible, app.guide.offered]).toEqual([false, false]);
  });

  it('goes for good when it is refused, and comes when it is asked for', async () => {
    await client.tell('gallery', { revision: 1, total: 0, trashed: 0 });
    const skipping = app.guide.skip();
    await answerSet();
    await skipping;
    expect(settings.guide).toEqual({ offered: false, comparisonId: null, hint: null });
    expect(app.guide.offered).toBe(false);
    await client.tell('gallery', { revision: 2, total: 12, trashed: 0 });
    app.guide.ask();
    expect(app.guide.offered).toBe(true);
  });
});

describe('its comparison', () => {
  async function begin(): Promise<void> {
    const beginning = app.guide.begin();
    void app.guide.begin();
    await client.take('photos.use-sample').answer({ id: 'p-1' });
    await client.take('photos.list').answer([]);
    await client.take('photos.list').answer([]);
    const create = client.take('comparisons.create');
    expect(create.input).toMatchObject({
      packId: 'demo',
      provider: 'cpu',
      identityId: 'p-1',
      prompts: ['A portrait of a person laughing.'],
      seeds: [42],
      steps: 20,
      variants: GUIDED_VARIANTS,
    });
    await create.answer({ comparisonId: 'c-1', runIds: ['r0', 'r1', 'r2'] });
    await answerSet();
    await beginning;
  }

  it('is put in the queue once, however often the button is pressed', async () => {
    await begin();
    expect(client.calls.filter(({ method }) => method === 'comparisons.create')).toEqual([]);
    await tellQueue([entry(['running', 'queued', 'queued'])]);
    expect(app.guide.entry?.comparisonId).toBe('c-1');
    expect(app.guide.offered).toBe(false);
  });

  it('is shown with the last format once all are done, and the hints begin', async () => {
    await begin();
    await tellQueue([entry(['done', 'done', 'running'])]);
    expect(page.location.hash).toBe('#/studio');
    await tellQueue([entry(['done', 'done', 'done'])]);
    await tellQueue([entry(['done', 'done', 'done'])]);
    const runs = GUIDED_VARIANTS.map((formats, at) => ({
      id: `r${at}`,
      status: 'done',
      formats,
      settings: { prompt: 'a', seed: 42, formats },
      result: { previewSteps: [] },
      width: 256,
      height: 256,
    }));
    await client.take('comparisons.get').answer({ id: 'c-1', title: 'Guided', referenceRunId: 'r0', runs });
    expect([app.compare.chosen.reference?.id, app.compare.chosen.candidate?.id]).toEqual(['r0', 'r2']);
    expect(page.location.hash).toBe('#/compare/c-1');
    await answerSet();
    expect(settings.guide).toEqual({ offered: false, comparisonId: null, hint: 'slider' });
    expect(
      client.calls.some(({ method }) => method === 'comparisons.get'),
      'shown once',
    ).toBe(false);
  });

  it('is only told of on another screen', async () => {
    page = fakeWindow('#/models');
    app = createApp(client, page);
    for (const part of [app.settings, app.queue, app.guide]) part.start();
    await tellSettings({ guide: { offered: false, comparisonId: 'c-1', hint: null } });
    await tellQueue([entry(['done', 'done', 'done'])]);
    expect(page.location.hash).toBe('#/models');
    expect(app.notices.list.map((notice) => notice.action?.label)).toEqual(['See it side by side']);
  });

  it('that failed stays until it is closed or made again', async () => {
    await begin();
    await tellQueue([entry(['done', 'failed', 'done'])]);
    expect(app.guide.entry).toBeDefined();
    void app.guide.retry();
    expect(client.take('comparisons.resume').input).toEqual({ comparisonId: 'c-1' });
    const closing = app.guide.close();
    await answerSet();
    await closing;
    expect(app.guide.entry).toBeUndefined();
  });
});

it('shows the hints one after the other, and none of them again', async () => {
  await tellSettings({ guide: { offered: false, comparisonId: null, hint: 'slider' } });
  for (const next of ['difference', 'table', null] as const) {
    void app.guide.nextHint();
    await answerSet();
    expect(app.guide.hint).toBe(next);
  }
  await tellSettings({ guide: { offered: false, comparisonId: null, hint: 'slider' } });
  void app.guide.dismissHints();
  await answerSet();
  await settle();
  expect(app.guide.hint).toBeNull();
});
