/** The page's memory over many generations: JavaScript heap, nodes and listeners after a collection, as Chromium counts. */
import { fileURLToPath } from 'node:url';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWebServer, type WebServer } from '../../../src-main/web/web-server.js';
import { launchBrowser, openPage, type WatchedPage } from '../../e2e/support/browser';
import { buildRenderer } from '../../e2e/support/host';
import { goTo } from '../../e2e/support/studio';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';
import { slope } from './support/slope.js';
import { report, TEST_TIMEOUT_MS, times } from './support/soak.js';

const RENDERER = fileURLToPath(new URL('../../../dist/renderer', import.meta.url));
type Reading = Readonly<Record<'JSHeapUsedSize' | 'Nodes' | 'JSEventListeners', number>>;
/**
 * Measured 68 over the first 16 generations, in which V8 still compiles and learns types, and 5.5 over 200; nodes and
 * listeners were constant in both.
 */
const MAX_KIB = times(160, 16);

let app: ScriptedHost;
let server: WebServer;
let browser: Browser;
let watched: WatchedPage;
let page: Page;
let debug: CDPSession;
beforeAll(async () => {
  buildRenderer();
  [app, browser] = await Promise.all([openScriptedHost(), launchBrowser()]);
  server = await startWebServer({ host: app.host, rendererDir: RENDERER, port: 0 });
  watched = await openPage(browser);
  page = watched.page;
  await page.goto(`http://127.0.0.1:${server.port}/#token=${server.token}`);
  debug = await page.context().newCDPSession(page);
  await debug.send('Performance.enable');
});
afterAll(async () => {
  await browser.close();
  await server.close();
  await app.dispose();
});

async function reading(): Promise<Reading> {
  // What only a finalizer or a weak reference holds goes in the second.
  for (let i = 0; i < 2; i += 1) await debug.send('HeapProfiler.collectGarbage');
  const { metrics } = await debug.send('Performance.getMetrics');
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? NaN;
  return {
    JSHeapUsedSize: value('JSHeapUsedSize'),
    Nodes: value('Nodes'),
    JSEventListeners: value('JSEventListeners'),
  };
}

/** Looks at every screen that shows runs, and comes back to where progress is shown. */
async function lookAround(): Promise<void> {
  await goTo(page, 'Gallery');
  const pictures = page.getByRole('listbox', { name: 'Pictures' });
  await pictures.getByRole('option').first().click();
  await pictures.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('group', { name: /^Pictures\. Plus/ }).waitFor();
  await goTo(page, 'Report');
  await goTo(page, 'Studio');
}

describe('memory', () => {
  it('of the page stays flat over many generations', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const batches = times(8, 20);
    const generations = times(16, 200);
    const batch = generations / batches;
    const readings: Reading[] = [];
    for (let i = 0; i < batches; i += 1) {
      const seeds = Array.from({ length: batch / 2 }, (_, k) => i * batch + k);
      await app.call('comparisons.create', draftFor(app.packId, { seeds, steps: 8 }));
      await app.idle();
      await lookAround();
      readings.push(await reading());
    }
    const perGeneration = (name: keyof Reading) =>
      slope(readings.slice(Math.ceil(batches / 4)).map((one) => one[name])) / batch;
    const [kib, nodes, listeners] = [
      perGeneration('JSHeapUsedSize') / 1024,
      perGeneration('Nodes'),
      perGeneration('JSEventListeners'),
    ];
    report({
      fault: 'generations, memory of the page',
      times: generations,
      lost: 0,
      wrong: 0,
      startedAt,
      note: `${kib.toFixed(2)} KiB, ${nodes.toFixed(2)} nodes, ${listeners.toFixed(2)} listeners per generation`,
    });
    expect(watched.problems).toEqual([]);
    expect(kib).toBeLessThan(MAX_KIB);
    expect(nodes).toBeLessThan(2);
    expect(listeners).toBeLessThan(2);
  });
});
