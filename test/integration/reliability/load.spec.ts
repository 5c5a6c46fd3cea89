/** A full queue, event storms and a slow reader; the host's memory over many generations. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MAX_CELLS } from '../../../src-main/contract/limits.js';
import { startWebServer } from '../../../src-main/web/web-server.js';
import { keptBytes } from '../../support/kept-bytes.js';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';
import { slope } from './support/slope.js';
import { report, TEST_TIMEOUT_MS, times } from './support/soak.js';

let app: ScriptedHost;
beforeAll(async () => {
  app = await openScriptedHost();
});
afterAll(() => app.dispose());

describe('a queue', () => {
  it(
    'of as many variants as are allowed is taken at once and can be cancelled',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const startedAt = performance.now();
      await app.call('queue.pause', {});
      const seeds = Array.from({ length: MAX_CELLS / 5 }, (_, i) => i);
      const variants = (['16-bit', 'fp8', 'int8', 'int4', 'nf4'] as const).map((f) => ({
        flux: f,
        t5: f,
        infusenet: f,
      }));
      const asked = performance.now();
      const { comparisonId, runIds } = await app.call('comparisons.create', draftFor(app.packId, { seeds, variants }));
      const createMs = performance.now() - asked;
      expect(runIds).toHaveLength(MAX_CELLS);
      for (let i = 0; i < 20; i += 1) await app.call('queue.reorder', { comparisonIds: [comparisonId] });
      await app.call('comparisons.cancel', { comparisonId });
      const { runs } = await app.call('comparisons.get', { comparisonId });
      expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(['cancelled']));
      await app.call('queue.dismiss', { comparisonId });
      await app.call('queue.resume', {});
      report({
        fault: 'variants queued',
        times: MAX_CELLS,
        lost: 0,
        wrong: 0,
        startedAt,
        note: `created in ${createMs.toFixed(0)} ms`,
      });
      expect(createMs).toBeLessThan(5000);
    },
  );
});

describe('events', () => {
  it('in a storm do not pile up for a reader that does not read', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const server = await startWebServer({ host: app.host, rendererDir: app.folder, port: 0 });
    const headers = { authorization: `Bearer ${server.token}` };
    const slow = new WebSocket(`ws://127.0.0.1:${server.port}/events`, { headers });
    await new Promise((resolve) => slow.once('open', resolve));
    slow.pause();
    const before = keptBytes();
    const count = times(100_000, 2_000_000);
    const summary = (await app.call('packs.list', {})).flatMap((pack) => Array.from({ length: 50 }, () => pack));
    for (let i = 1; i <= count; i += 1) {
      app.host.hub.publish('photos', { revision: i });
      if (i % 100 === 0) app.host.hub.publish('packs', summary);
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const growth = keptBytes() - before;
    // It gets the newest state when it reads again.
    const last = new Promise((resolve) => {
      slow.on('message', (data: Buffer) => {
        const { event, value } = JSON.parse(data.toString()) as { event: string; value: { revision: number } };
        if (event === 'photos' && value.revision === count) resolve(value.revision);
      });
    });
    slow.resume();
    expect(await last).toBe(count);
    slow.terminate();
    await server.close();
    const note = `${(growth / 2 ** 20).toFixed(1)} MiB more`;
    report({ fault: 'events to a reader that does not read', times: count, lost: 0, wrong: 0, startedAt, note });
    expect(growth).toBeLessThan(64 * 2 ** 20);
  });
});

describe('memory', () => {
  it('of the host stays flat over many generations', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const generations = times(60, 1000);
    const batch = generations / 20;
    const readings: number[] = [];
    for (let i = 0; i < 20; i += 1) {
      const seeds = Array.from({ length: batch }, (_, k) => i * batch + k);
      const variants = [{ flux: 'int8', t5: 'int8', infusenet: 'int8' }] as const;
      await app.call('comparisons.create', draftFor(app.packId, { seeds, variants: [...variants], steps: 2 }));
      await app.idle();
      readings.push(keptBytes());
    }
    // The first quarter fills caches and compiles code.
    const bytes = slope(readings.slice(5)) / batch;
    const note = `${(bytes / 1024).toFixed(2)} KiB per generation`;
    report({ fault: 'generations, host memory', times: generations, lost: 0, wrong: 0, startedAt, note });
    expect(bytes).toBeLessThan(64 * 1024);
  });
});
