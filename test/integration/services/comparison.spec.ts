import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EventValue } from '../../../src-main/contract/events.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import {
  draftFor,
  openScriptedHost,
  photoBase64,
  SCRIPTED_ENGINE,
  type ScriptedHost,
} from '../support/scripted-host.js';

let app: ScriptedHost;
const open = async (): Promise<void> => {
  app = await openScriptedHost();
};

describe('a comparison', () => {
  beforeEach(open);
  afterEach(() => app.dispose());

  it('is made cell by cell, saved, and found in the gallery', async () => {
    const { comparisonId, runIds } = await app.call('comparisons.create', draftFor(app.packId));
    expect(runIds).toHaveLength(2);
    await app.idle();
    const comparison = await app.call('comparisons.get', { comparisonId });
    expect(comparison.status).toBe('finished');
    expect(comparison.title).toBe('a portrait in soft light');
    expect(comparison.runs.map((run) => run.formats.infusenet)).toEqual(['16-bit', 'nf4']);
    const [first, second] = comparison.runs;
    expect(first?.result?.phases.map((phase) => phase.phase)).toEqual(['text', 'load', 'denoise']);
    expect(first?.peakBytes).toBe(4e6);
    expect(first?.loadBytes).toBe(4e6 - 5e5 - 1000);
    expect(first?.result?.previewSteps).toEqual([1, 2, 3, 4]);
    expect(first?.result?.pixelHash).not.toBe(second?.result?.pixelHash);

    const window = await app.call('gallery.list', {
      query: 'infusenet:nf4 soft',
      sort: 'newest',
      trashed: false,
      stacked: false,
      offset: 0,
      limit: 50,
    });
    expect(window.items.map((item) => item.run.id)).toEqual([second?.id]);
  });

  it('gives the same pixels when it is repeated', async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    const again = await app.call('runs.repeat', { runId: runIds[1] ?? '' });
    await app.idle();
    const [a, b] = await Promise.all([
      app.call('runs.get', { runId: runIds[1] ?? '' }),
      app.call('runs.get', { runId: again.runIds[0] ?? '' }),
    ]);
    expect(b.result?.pixelHash).toBe(a.result?.pixelHash);
    const table = await app.call('compare.table', { referenceRunId: a.id, runIds: [a.id, b.id, runIds[0] ?? ''] });
    expect(table.rows.map((row) => [row.role, row.difference?.whole.identical])).toEqual([
      ['reference', undefined],
      ['repeat', true],
      ['variant', false],
    ]);
    expect(table.rows[2]?.differingFields).toEqual(['flux', 't5', 'infusenet']);
    expect(table.rows[2]?.peakDelta).toBe(3e6);
    expect(table.memorySources).toEqual(['scripted']);
  });

  it('runs cells that share weights together, in the order of their first appearance', async () => {
    const { runIds } = await app.call(
      'comparisons.create',
      draftFor(app.packId, {
        variants: [
          { flux: 'int8', t5: '16-bit', infusenet: '16-bit' },
          { flux: 'nf4', t5: '16-bit', infusenet: '16-bit' },
          { flux: 'int8', t5: '16-bit', infusenet: 'nf4' },
        ],
        seeds: [1, 2],
      }),
    );
    await app.idle();
    const runs = await Promise.all(runIds.map((runId) => app.call('runs.get', { runId })));
    const order = [...runs].sort((a, b) => (a.finishedAtMs ?? 0) - (b.finishedAtMs ?? 0));
    const entry = (await app.call('queue.get', {})).entries[0];
    expect(entry?.cells.map((cell) => `${cell.formats.flux} ${cell.formats.infusenet} ${cell.seed}`)).toEqual([
      'int8 16-bit 1',
      'int8 16-bit 2',
      'int8 nf4 1',
      'int8 nf4 2',
      'nf4 16-bit 1',
      'nf4 16-bit 2',
    ]);
    expect(order.map((run) => run.id)).toEqual(entry?.cells.map((cell) => cell.runId));
  });

  it('goes on after one cell was cancelled', async () => {
    const { comparisonId, runIds } = await app.call(
      'comparisons.create',
      draftFor(app.packId, { prompts: ['slow'], seeds: [1, 2], steps: 10 }),
    );
    await waitFor('progress', (progress) => progress?.stage === 'denoise');
    const running = (await app.call('queue.get', {})).runningRunId ?? '';
    await app.call('runs.cancel', { runId: running });
    await app.call('runs.cancel', { runId: runIds[3] ?? '' });
    await app.idle();
    const { runs, status } = await app.call('comparisons.get', { comparisonId });
    expect(status).toBe('partial');
    expect(runs.map((run) => run.status)).toEqual(['cancelled', 'done', 'done', 'cancelled']);
    expect(existsSync(app.host.store.files.previews(running))).toBe(false);
    // Cancelling again changes nothing.
    await app.call('runs.cancel', { runId: running });
    expect((await app.call('runs.get', { runId: running })).status).toBe('cancelled');
  });

  it('survives an engine that dies: the cell fails with its stage, the rest is made', async () => {
    const { comparisonId } = await app.call(
      'comparisons.create',
      draftFor(app.packId, { prompts: ['crash@2', 'fine'], variants: [draftFor('').variants[0] ?? never()] }),
    );
    await app.idle();
    const { runs } = await app.call('comparisons.get', { comparisonId });
    expect(runs.map((run) => run.status)).toEqual(['failed', 'done']);
    expect(runs[0]?.error?.code).toBe('engine.crashed');
    expect(runs[0]?.error?.message).toContain('during denoise');
    expect(runs[0]?.error?.details['stage']).toBe('denoise');
  });

  it('pauses after two crashes in a row, and resumes on demand', async () => {
    const { comparisonId } = await app.call(
      'comparisons.create',
      draftFor(app.packId, {
        prompts: ['crash@1', 'crash@2', 'fine'],
        variants: [draftFor('').variants[0] ?? never()],
      }),
    );
    await app.idle();
    expect(await app.call('queue.get', {})).toMatchObject({ paused: true, problem: { code: 'engine.crashed' } });
    await app.call('queue.resume', {});
    await app.idle();
    expect(await app.call('queue.get', {})).toMatchObject({ paused: false, problem: null });
    const { runs } = await app.call('comparisons.get', { comparisonId });
    expect(runs.map((run) => run.status)).toEqual(['failed', 'failed', 'done']);
  });

  it("keeps the engine's own error with the failed cell", async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId, { prompts: ['fail@3'] }));
    await app.idle();
    const run = await app.call('runs.get', { runId: runIds[0] ?? '' });
    expect(run.status).toBe('failed');
    expect(run.error).toMatchObject({ code: 'engine.out-of-memory', retryable: true });
  });

  it('is interrupted by a restart, keeps what was finished, and resumes to the same pictures', async () => {
    const draft = draftFor(app.packId, { prompts: ['slow'], seeds: [1, 2], steps: 4 });
    const { comparisonId } = await app.call('comparisons.create', draft);
    await waitFor('queue', (queue) => queue.entries[0]?.cells.some((cell) => cell.status === 'done') === true);
    const finished = (await app.call('comparisons.get', { comparisonId })).runs.filter((run) => run.status === 'done');
    await app.restart();
    const after = await app.call('comparisons.get', { comparisonId });
    expect(after.status).toBe('partial');
    for (const run of finished) {
      expect(after.runs.find((other) => other.id === run.id)).toEqual(run);
      expect(existsSync(app.host.store.files.picture(run.id))).toBe(true);
    }
    expect(after.runs.filter((run) => run.status === 'interrupted')).toHaveLength(4 - finished.length);
    const { runIds } = await app.call('comparisons.resume', { comparisonId });
    expect(runIds).toHaveLength(4 - finished.length);
    await app.idle();
    const resumed = await app.call('comparisons.get', { comparisonId });
    expect(resumed.status).toBe('finished');

    const undisturbed = await app.call('comparisons.create', draft);
    await app.idle();
    const { runs } = await app.call('comparisons.get', { comparisonId: undisturbed.comparisonId });
    expect(resumed.runs.map((run) => run.result?.pixelHash)).toEqual(runs.map((run) => run.result?.pixelHash));
  });

  it('can be paused, reordered and cancelled as a whole', async () => {
    await app.call('queue.pause', {});
    const a = await app.call('comparisons.create', draftFor(app.packId, { prompts: ['first'] }));
    const b = await app.call('comparisons.create', draftFor(app.packId, { prompts: ['second'] }));
    const c = await app.call('comparisons.create', draftFor(app.packId, { prompts: ['third'] }));
    await app.call('queue.reorder', { comparisonIds: [c.comparisonId] });
    expect((await app.call('queue.get', {})).entries.map((entry) => entry.title)).toEqual(['third', 'first', 'second']);
    await app.call('comparisons.cancel', { comparisonId: a.comparisonId });
    await app.call('queue.resume', {});
    await app.idle();
    const status = async (comparisonId: string): Promise<string[]> =>
      (await app.call('comparisons.get', { comparisonId })).runs.map((run) => run.status);
    expect(await status(a.comparisonId)).toEqual(['cancelled', 'cancelled']);
    expect(await status(b.comparisonId)).toEqual(['done', 'done']);
    const first = await app.call('runs.get', { runId: b.runIds[0] ?? '' });
    const third = await app.call('runs.get', { runId: c.runIds[1] ?? '' });
    expect(third.finishedAtMs).toBeLessThanOrEqual(first.finishedAtMs ?? 0);
    await app.call('queue.dismiss', { comparisonId: a.comparisonId });
    expect((await app.call('queue.get', {})).entries.map((entry) => entry.title)).toEqual(['third', 'second']);
  });

  it('tells the engine what a step took in earlier runs of the same settings, so that a spill is seen', async () => {
    const usual: (number | undefined)[] = [];
    const spawn = forkEngine(SCRIPTED_ENGINE);
    await app.restart({
      spawnEngine: () => {
        const engine = spawn();
        return {
          ...engine,
          send(message) {
            if (message.type === 'request' && message.request.kind === 'generate')
              usual.push(message.request.params.usualStepSeconds);
            engine.send(message);
          },
        };
      },
    });
    const variants = draftFor('').variants.slice(0, 1);
    for (const width of [64, 64, 128]) {
      await app.call('comparisons.create', draftFor(app.packId, { variants, width }));
      await app.idle();
    }
    expect(usual).toEqual([undefined, 0.01, undefined]);
  });

  it('refuses what the pack cannot do, before anything is queued', async () => {
    await expect(app.call('comparisons.create', draftFor(app.packId, { width: 1024 }))).rejects.toThrow(
      'makes pictures of 64 to 512 pixels a side, not 1024×64',
    );
    await expect(app.call('comparisons.create', draftFor(app.packId, { steps: 90 }))).rejects.toThrow(
      'at most 50 steps',
    );
    await expect(app.call('comparisons.create', draftFor(app.packId, { modelVariant: 'sim' }))).rejects.toThrow(
      'it has aes_stage2',
    );
    await expect(app.call('comparisons.create', draftFor('gone'))).rejects.toMatchObject({ code: 'pack.not-found' });
    expect((await app.call('queue.get', {})).entries).toEqual([]);
  });

  it('tells progress as whole states with a preview and a guess of the time left', async () => {
    await app.call('comparisons.create', draftFor(app.packId, { prompts: ['slow'], steps: 12 }));
    const state = await waitFor('progress', (progress) => (progress?.step ?? 0) >= 5);
    expect(state).toMatchObject({ stage: 'denoise', steps: 12 });
    expect(state?.previewPng).toMatch(/^data:image\/png;base64,/);
    expect(state?.secondsLeft).toBeGreaterThan(0.2);
    expect(state?.secondsLeft).toBeLessThan(3);
    expect(state?.queueSecondsLeft).toBeGreaterThan(state?.secondsLeft ?? 0);
    // Whoever comes late gets the current state at once.
    let late: EventValue<'progress'> = null;
    app.host.hub.subscribe('progress', (value) => {
      late = value;
    })();
    expect(late).not.toBeNull();
    await app.idle();
    expect(app.host.hub.current('progress')).toBeNull();
  });
});

describe('a finished picture', () => {
  beforeAll(open);
  afterAll(() => app.dispose());

  it('carries its settings, and is found again when it is dropped back', async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId, { prompts: ['café, “soft” 光'] }));
    await app.idle();
    const runId = runIds[1] ?? '';
    const png = await readFile(app.host.store.files.picture(runId));
    const metadata = await app.call('metadata.read', { dataBase64: png.toString('base64') });
    expect(metadata.source).toBe('likeness-lab');
    expect(metadata.runId).toBe(runId);
    expect(metadata.settings).toMatchObject({
      prompt: 'café, “soft” 光',
      seed: 42,
      width: 64,
      formats: { flux: 'int8', t5: 'int8', infusenet: 'nf4' },
      packName: 'Scripted pack',
    });
    const text = png.toString('latin1');
    expect(text).not.toContain(app.folder);
    expect(text).not.toContain('/tmp');
  });

  it('can be shared without any of it', async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    const plain = await app.host.pictures.read({ kind: 'result-plain', ids: [runIds[0] ?? ''] });
    expect(Buffer.from(plain?.bytes ?? []).toString('latin1')).not.toMatch(/parameters|likeness-lab|portrait/);
  });

  it('has previews, a thumbnail, faces and a heat map by id', async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    const [a = '', b = ''] = runIds;
    const read = (kind: 'result' | 'result-thumb' | 'preview' | 'difference', ...ids: string[]) =>
      app.host.pictures.read({ kind, ids });
    expect((await read('result', a))?.mimeType).toBe('image/png');
    expect((await read('result-thumb', a))?.mimeType).toBe('image/webp');
    expect((await read('preview', a, '3'))?.bytes.length).toBeGreaterThan(50);
    expect((await read('difference', a, b))?.bytes.length).toBeGreaterThan(50);
    expect(await read('preview', a, '99')).toBeNull();
    expect(await read('result', 'nothing')).toBeNull();
    expect(await read('difference', a, 'nothing')).toBeNull();
    expect((await app.call('runs.faces', { runId: a })).faces).toHaveLength(1);
    expect(app.host.store.runs.faces(a)?.detector).toBe('centred');
  });

  it('fills the form again, and says what is gone', async () => {
    const photo = await app.call('photos.import', {
      role: 'identity',
      name: 'Ada',
      dataBase64: await photoBase64(),
    });
    const draft = draftFor(app.packId, { identityId: photo.id });
    const { runIds } = await app.call('comparisons.create', draft);
    await app.idle();
    const runId = runIds[0] ?? '';
    const before = await app.call('runs.draft', { runId });
    expect(before).toEqual({ draft: { ...draft, variants: [draft.variants[0]] }, missing: [] });
    expect((await app.call('runs.get', { runId })).identityName).toBe('Ada');
    await app.call('photos.delete', { photoId: photo.id });
    const after = await app.call('runs.draft', { runId });
    expect(after.draft.identityId).toBeNull();
    expect(after.missing).toEqual([{ what: 'identity-photo', name: '' }]);
    expect((await app.call('runs.get', { runId })).identityName).toBeNull();
    await expect(app.call('runs.repeat', { runId })).rejects.toThrow('This photo was deleted.');
  });

  it('compares each picture with the reference of its seed and prompt, and sums up by variant', async () => {
    const draft = draftFor(app.packId, { prompts: ['a portrait', 'a face'], seeds: [1, 2], repeats: 2 });
    const { comparisonId } = await app.call('comparisons.create', draft);
    await app.idle();
    const { runs } = await app.call('comparisons.get', { comparisonId });
    const runIds = runs.map((run) => run.id);
    const table = await app.call('compare.table', { referenceRunId: runIds[0] ?? '', runIds });
    expect(table.rows.map((row) => row.role)).toEqual([
      ...Array.from({ length: 4 }, () => ['reference', 'repeat']).flat(),
      ...Array.from({ length: 4 }, () => ['variant', 'repeat']).flat(),
    ]);
    for (const row of table.rows) {
      const [run, base] = [row.runId, row.baseRunId].map((id) => runs.find((other) => other.id === id));
      if (base === undefined) continue;
      expect([base.seed, base.settings.prompt]).toEqual([run?.seed, run?.settings.prompt]);
      expect(row.difference?.whole.identical).toBe(row.role === 'repeat');
      expect(row.difference?.face?.pixels).toBe(32 * 32);
    }
    const [reference, variant] = table.variants;
    expect(reference).toMatchObject({ isReference: true, compared: 0, floor: { count: 4, low: 0, high: 0 } });
    expect(variant).toMatchObject({ name: 'INT8 + InfuseNet NF4', identical: 0, compared: 4 });
    expect(variant?.flip?.count).toBe(4);
    expect(variant).toMatchObject({ name: 'INT8 + InfuseNet NF4', faces: [], floor: { high: 0 } });
    expect(variant?.verdict?.difference?.standing).toBe('above');
  });

  it('scores faces by two encoders, and compares them between variants until the photo is deleted', async () => {
    const photo = await app.call('photos.import', { role: 'identity', name: 'A', dataBase64: await photoBase64() });
    const draft = draftFor(app.packId, { identityId: photo.id, seeds: [1, 2] });
    const { runIds } = await app.call('comparisons.create', draft);
    await app.idle();
    const input = { referenceRunId: runIds[0] ?? '', runIds };
    const { rows, variants } = await app.call('compare.table', input);
    const [first, second] = rows[2]?.faces ?? [];
    // As the scripted engine turns its faces: by 0.2 and by 0.4 in the plane.
    expect(first).toMatchObject({ encoder: 'scripted', conditioned: true, identityScore: 0.75, delta: 0 });
    expect(first?.faceCosine).toBeCloseTo(Math.cos(0.2), 6);
    expect(second).toMatchObject({ encoder: 'other', conditioned: false, identityScore: 0.3 });
    expect(second?.delta).toBeCloseTo(-0.2, 12);
    expect(second?.faceCosine).toBeCloseTo(Math.cos(0.4), 6);
    expect(rows[0]?.faces.map(({ delta, faceCosine }) => [delta, faceCosine])).toEqual([
      [null, null],
      [null, null],
    ]);
    const [own, other] = variants[1]?.faces ?? [];
    expect(own).toMatchObject({
      encoder: 'scripted',
      identityScore: { count: 2, mean: 0.75 },
      identityDelta: { mean: 0 },
    });
    expect(other?.identityDelta?.mean).toBeCloseTo(-0.2, 12);
    expect(other?.faceCosine?.mean).toBeCloseTo(Math.cos(0.4), 6);
    const report = await app.call('compare.report', { ...input, title: 't', format: 'markdown' });
    expect(report.content).toContain(
      '0.000 ± 0.000 by scripted, −0.200 ± 0.000 by other over 2 seeds. By other, which conditioned nothing, identity scores',
    );

    await app.call('photos.delete', { photoId: photo.id });
    expect(app.host.store.db.all('SELECT * FROM face_embeddings')).toEqual([]);
    const after = (await app.call('compare.table', input)).rows[2]?.faces;
    expect(after?.map(({ identityScore, faceCosine }) => [identityScore, faceCosine])).toEqual([
      [0.75, null],
      [0.3, null],
    ]);
  });

  it('measures how far runs leave the path of any variant, and keeps no latents', async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId, { seeds: [1, 2] }));
    await app.idle();
    const { files } = app.host.store;
    expect(runIds.filter((id) => existsSync(files.latents(id)))).toEqual([]);
    const table = (reference: number) => app.call('compare.table', { referenceRunId: runIds[reference] ?? '', runIds });
    const rounded = (drift: readonly number[] | null | undefined) => drift?.map((value) => Number(value.toFixed(4)));
    const forth = await table(0);
    expect(forth.rows.slice(0, 2).map((row) => row.drift)).toEqual([null, null]);
    for (const drift of [forth.rows[2]?.drift, forth.rows[3]?.drift, forth.variants[1]?.drift]) {
      expect(rounded(drift)).toEqual([0.01, 0.02, 0.03, 0.04]);
    }
    // As far back, but over the length of the other path.
    const back = await table(2);
    expect(back.rows.slice(2).map((row) => row.drift)).toEqual([null, null]);
    expect(rounded(back.rows[0]?.drift)).toEqual([0.0099, 0.0196, 0.0291, 0.0385]);

    for (const id of runIds) await rm(files.trajectory(id));
    expect((await table(0)).variants.map((variant) => variant.drift)).toEqual([null, null]);
  });

  it('gets one more variant with the seeds, prompts and repeats it has, and resumes it', async () => {
    const draft = draftFor(app.packId, { seeds: [1, 2], prompts: ['a portrait', 'a portrait slow'], repeats: 2 });
    const { comparisonId, runIds } = await app.call('comparisons.create', draft);
    await app.idle();
    const [runId = ''] = runIds;
    const formats = { flux: '16-bit', t5: '16-bit', infusenet: 'auto-3.5' } as const;
    await app.call('queue.pause', {});
    // Pressed twice, it is added once.
    const [added, again] = await Promise.allSettled([
      app.call('comparisons.add-variant', { comparisonId, runId, formats }),
      app.call('comparisons.add-variant', { comparisonId, runId, formats }),
    ]);
    expect(added).toMatchObject({ status: 'fulfilled', value: { comparisonId } });
    expect(again).toMatchObject({ status: 'rejected', reason: { code: 'engine.request-invalid' } });
    await app.call('comparisons.cancel', { comparisonId });
    expect((await app.call('comparisons.get', { comparisonId })).status).toBe('partial');
    await app.call('queue.resume', {});
    await app.call('comparisons.resume', { comparisonId });
    await app.idle();
    const { runs, status, referenceRunId } = await app.call('comparisons.get', { comparisonId });
    expect([status, referenceRunId, runs.length]).toEqual(['finished', runId, 24]);
    const cells = (infusenet: string) =>
      runs
        .filter((run) => run.formats.infusenet === infusenet)
        .map((run) => [run.settings.prompt, run.seed, run.repeat]);
    expect(cells('auto-3.5')).toEqual(cells('16-bit'));
    const table = await app.call('compare.table', { referenceRunId: runId, runIds: runs.map(({ id }) => id) });
    expect(table.variants.map(({ name }) => name)).toEqual([
      'All 16-bit',
      'INT8 + InfuseNet NF4',
      '16-bit + InfuseNet Auto 3.5 MiB',
    ]);
    // Its path is known like the others', though it was made later.
    expect(table.variants[2]?.drift).toHaveLength(4);
  });

  it('refuses a variant that it has, that is another’s, or whose pack is gone', async () => {
    const { comparisonId, runIds } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    const [runId = ''] = runIds;
    const add = (id: string, infusenet: 'nf4' | 'int8') =>
      app.call('comparisons.add-variant', {
        comparisonId: id,
        runId,
        formats: { flux: 'int8', t5: 'int8', infusenet },
      });
    await expect(add(comparisonId, 'nf4')).rejects.toMatchObject({
      code: 'engine.request-invalid',
      message: 'The comparison already has INT8 + InfuseNet NF4.',
    });
    const other = await app.call('comparisons.create', draftFor(app.packId, { seeds: [9] }));
    await app.idle();
    await expect(add(other.comparisonId, 'int8')).rejects.toMatchObject({ code: 'run.not-found' });
    await expect(add('nowhere', 'int8')).rejects.toMatchObject({ code: 'run.not-found' });
    await app.restart({ packFolders: [] });
    await expect(add(comparisonId, 'int8')).rejects.toMatchObject({ code: expect.stringMatching(/^pack\./) as string });
    expect((await app.call('comparisons.get', { comparisonId })).runs).toHaveLength(2);
    await app.restart();
  });

  it('is reported in every form', async () => {
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    const input = { title: 'Soft light, café', referenceRunId: runIds[0] ?? '', runIds };
    const markdown = await app.call('compare.report', { ...input, format: 'markdown' });
    expect(markdown.fileName).toBe('likeness-lab-soft-light-cafe.md');
    expect(markdown.content).toContain('| 16-bit | 16-bit | 16-bit | 0.00 | 0.00 |');
    expect(markdown.content).toContain('- Prompt: a portrait in soft light');
    expect(markdown.content).not.toContain('](');
    const csv = await app.call('compare.report', { ...input, format: 'csv' });
    expect(csv.content.trim().split('\r\n')).toHaveLength(3);
    expect(csv.content).toContain(',int8,int8,nf4,42,a portrait in soft light,0,');
    const html = await app.call('compare.report', { ...input, format: 'html' });
    // Both pictures and the heat map of the one that is no reference.
    expect(html.content.match(/src="data:image\/webp;base64,/g)).toHaveLength(3);
    const sheet = await app.call('compare.report', { ...input, format: 'contact-sheet' });
    const { format, width } = await sharp(Buffer.from(sheet.content, 'base64')).metadata();
    expect([sheet.fileName, sheet.encoding, format]).toEqual(['likeness-lab-soft-light-cafe.png', 'base64', 'png']);
    expect(width).toBeGreaterThanOrEqual(640);
  });
});

async function waitFor<E extends 'progress' | 'queue'>(
  event: E,
  matches: (value: EventValue<E>) => boolean,
): Promise<EventValue<E>> {
  return new Promise((resolve) => {
    // The first call may come while `subscribe` still runs, before there is a way to stop.
    const found = { done: false, stop: (): void => undefined };
    found.stop = app.host.hub.subscribe(event, (value) => {
      if (found.done || !matches(value)) return;
      found.done = true;
      found.stop();
      resolve(value);
    });
    if (found.done) found.stop();
  });
}

function never(): never {
  throw new Error('the draft has variants');
}
