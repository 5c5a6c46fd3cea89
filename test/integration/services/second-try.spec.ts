/** Memory that runs out: the engine ends, the run is made once more, visibly, and what happened is kept. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventValue } from '../../../src-main/contract/events.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { draftFor, openScriptedHost, SCRIPTED_ENGINE, type ScriptedHost } from '../support/scripted-host.js';

let app: ScriptedHost;
let started: number;
let freeBytes: number;

beforeEach(async () => {
  started = 0;
  freeBytes = 64e9;
  app = await openScriptedHost({
    spawnEngine: () => {
      started += 1;
      return forkEngine(SCRIPTED_ENGINE, { SCRIPTED_FREE_BYTES: String(freeBytes) })();
    },
  });
});
afterEach(() => app.dispose());

const one = (prompt: string) =>
  draftFor(app.packId, { prompts: [prompt], variants: draftFor('').variants.slice(0, 1) });

describe('a run that ran out of memory', () => {
  it('is made in a fresh engine, says so while it is, and keeps that it was', async () => {
    const seen: EventValue<'progress'>[] = [];
    const stop = app.host.hub.subscribe('progress', (progress) => seen.push(progress));
    const { runIds } = await app.call('comparisons.create', one('fail@2 once slow'));
    const before = started;
    await app.idle();
    stop();
    expect(started).toBe(before + 2);
    const run = await app.call('runs.get', { runId: runIds[0] ?? '' });
    expect(run.status).toBe('done');
    expect(run.retry).toMatchObject({ sign: 'said', stage: 'denoise', message: 'The device has no memory left.' });
    const tries = seen.flatMap((progress) => (progress === null ? [] : [progress.retrying]));
    expect(tries[0]).toBe(false);
    expect(tries.at(-1)).toBe(true);
    expect((await app.call('queue.get', {})).entries[0]?.cells[0]).toMatchObject({ status: 'done', retried: true });
  });

  it('fails when it runs out again, and nothing stays held', async () => {
    const { comparisonId, runIds } = await app.call('comparisons.create', one('fail@2'));
    await app.idle();
    const run = await app.call('runs.get', { runId: runIds[0] ?? '' });
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'engine.out-of-memory', details: { stage: 'denoise' } },
      retry: { sign: 'said' },
    });
    expect(app.host.hub.current('engine')).toEqual({ status: 'stopped' });
    // Made again by hand, it begins anew, with a second try of its own.
    await app.call('queue.pause', {});
    await app.call('comparisons.resume', { comparisonId });
    expect((await app.call('runs.get', { runId: runIds[0] ?? '' })).retry).toBeNull();
  });

  it('is not made again where the card was lost, but the next picture is, in a fresh engine', async () => {
    const { runIds } = await app.call('comparisons.create', one('lose@2'));
    await app.idle();
    const run = await app.call('runs.get', { runId: runIds[0] ?? '' });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'engine.device-lost' }, retry: null });
    const before = started;
    const next = await app.call('comparisons.create', one('a portrait'));
    await app.idle();
    expect((await app.call('runs.get', { runId: next.runIds[0] ?? '' })).status).toBe('done');
    expect(started).toBe(before + 1);
  });

  it('is told from other crashes by the estimate', async () => {
    const fits = await app.call('comparisons.create', one('crash@2'));
    await app.idle();
    expect(await app.call('runs.get', { runId: fits.runIds[0] ?? '' })).toMatchObject({
      error: { code: 'engine.crashed' },
      retry: null,
    });
    freeBytes = 8e9;
    await app.restart();
    await app.call('queue.resume', {});
    const tooBig = await app.call('comparisons.create', one('crash@2'));
    await app.idle();
    expect(await app.call('runs.get', { runId: tooBig.runIds[0] ?? '' })).toMatchObject({
      error: { code: 'engine.out-of-memory', details: { sign: 'estimate', stage: 'denoise' } },
      retry: { sign: 'estimate', stage: 'denoise' },
    });
  });

  it('is cancelled in its second try like in its first', async () => {
    const { runIds } = await app.call('comparisons.create', one('fail@1 once slow'));
    await new Promise<void>((resolve) => {
      app.host.hub.subscribe('progress', (progress) => {
        if (progress?.retrying === true) resolve();
      });
    });
    await app.call('runs.cancel', { runId: runIds[0] ?? '' });
    await app.idle();
    expect((await app.call('runs.get', { runId: runIds[0] ?? '' })).status).toBe('cancelled');
  });
});
