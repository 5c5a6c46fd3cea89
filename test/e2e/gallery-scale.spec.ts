/** The gallery's page at 25,000 runs: first paint, search, scrolling. Real host, real store, real Chromium. */
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { openStore } from '../../src-main/store/store';
import { fillGallery, rowId } from '../bench/gallery-rows';
import { launchBrowser, openPage, type WatchedPage } from './support/browser';
import { buildRenderer, startHost, temporaryGallery, type Host, type TemporaryGallery } from './support/host';
import { saveFailure, saveScreenshot } from './support/screenshot';
import { goTo } from './support/studio';

const ROWS = 25_000;
const SAMPLES = fileURLToPath(new URL('../../assets/samples', import.meta.url));
const RESULTS = fileURLToPath(new URL('../../test-results', import.meta.url));

let browser: Browser;
let gallery: TemporaryGallery;
let host: Host;
let watched: WatchedPage;
let page: Page;
const figures: string[] = [];

/** Rows by the committed generator; every run gets one of twelve small pictures, linked, not copied. */
async function fill(folder: string): Promise<void> {
  const store = await openStore(folder);
  fillGallery(store, ROWS);
  const names = readdirSync(SAMPLES).filter((name) => name.endsWith('.png'));
  const thumbs = await Promise.all(
    names.map(async (name, index) => {
      const path = join(folder, `thumb-${index}.webp`);
      writeFileSync(
        path,
        await sharp(readFileSync(join(SAMPLES, name)))
          .webp()
          .toBuffer(),
      );
      return path;
    }),
  );
  const folders = new Set<string>();
  for (let index = 0; index < ROWS; index++) {
    const path = store.files.thumb(rowId(index));
    if (!folders.has(dirname(path))) mkdirSync(dirname(path), { recursive: true });
    folders.add(dirname(path));
    linkSync(thumbs[Math.floor(index / 5) % thumbs.length] as string, path);
  }
  store.db.close();
}

beforeAll(async () => {
  buildRenderer();
  gallery = await temporaryGallery();
  await fill(gallery.folder);
  [browser, host] = await Promise.all([launchBrowser(), startHost(gallery)]);
  watched = await openPage(browser);
  page = watched.page;
  await page.goto(host.url);
  await page.getByRole('textbox', { name: 'Prompt' }).waitFor();
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

afterAll(async () => {
  await browser.close();
  await host.stop();
  await gallery.dispose();
  await mkdir(RESULTS, { recursive: true });
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'} × ${cpus().length}, Node ${process.version}, Chromium headless without a GPU`;
  const lines = [
    '# Gallery page at 25,000 runs',
    '',
    `Machine: ${machine}.`,
    '',
    ...figures.map((line) => `- ${line}`),
    '',
  ];
  writeFileSync(join(RESULTS, 'gallery-page.md'), lines.join('\n'));
});

/**
 * Does something and waits until the list shows the answer of the request that it causes.
 * @returns milliseconds from the request's start and from its end to the frame after the tiles stand in the page
 */
async function timeToPaint(
  act: string,
  ready: string,
): Promise<{ request: number; fromRequest: number; fromAnswer: number }> {
  return page.evaluate(`(async () => {
    performance.clearResourceTimings();
    ${act};
    for (;;) {
      await new Promise(requestAnimationFrame);
      const calls = performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('gallery.list'));
      const call = calls.at(-1);
      if (call !== undefined && call.responseEnd > 0 && (${ready})) {
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        return { request: call.responseEnd - call.startTime, fromRequest: now - call.startTime, fromAnswer: now - call.responseEnd };
      }
    }
  })()`);
}

/** Types a query and waits for its tiles. */
function search(query: string): Promise<{ request: number; fromRequest: number }> {
  return timeToPaint(
    `(() => {
      const box = document.querySelector('[role=combobox]');
      window.countBefore = document.querySelector('.count').textContent;
      box.value = ${JSON.stringify(query)};
      box.dispatchEvent(new InputEvent('input', { bubbles: true }));
    })()`,
    `${TILES} > 5 && document.querySelector('.count').textContent !== window.countBefore`,
  );
}

const TILES = `document.querySelectorAll('[role=option] .caption').length`;

describe('at 25,000 runs', () => {
  it('paints the first tiles within half a second of the answer', async () => {
    await goTo(page, 'Gallery');
    await page.getByText('5,000 comparisons').waitFor();
    const { fromRequest, fromAnswer } = await timeToPaint(
      `document.querySelector('[aria-label="Show pictures separately"]').click()`,
      `${TILES} > 20 && document.querySelector('.count').textContent.includes('25,000')`,
    );
    figures.push(
      `first tiles: ${fromAnswer.toFixed(0)} ms after the answer, ${fromRequest.toFixed(0)} ms after the request`,
    );
    expect(fromAnswer).toBeLessThan(500);
    await page.waitForLoadState('networkidle');
    await saveScreenshot(page, 'gallery-25000-1440');
  });

  it('answers a search within 100 ms', async () => {
    const queries = [
      'infusenet:nf4 id>0.75 peak<24',
      'violinist "soft light"',
      'tag:keep stars>=4',
      'seed>1 -greenhouse',
    ];
    // The best of three: other programs share this machine, and only ever make it slower.
    for (const query of queries) {
      let best = { request: Infinity, fromRequest: Infinity };
      for (let round = 0; round < 3; round++) {
        const time = await search(query);
        if (time.fromRequest < best.fromRequest) best = time;
        await search('');
      }
      figures.push(
        `search \`${query}\`: answered in ${best.request.toFixed(0)} ms, painted after ${best.fromRequest.toFixed(0)} ms`,
      );
      expect(best.request, query).toBeLessThan(100);
    }
  });

  it('never shows a hole while scrolling', async () => {
    const result = (await page.evaluate(`(async () => {
      const list = document.querySelector('[role=listbox][aria-label=Pictures]');
      const frames = [];
      let holes = 0;
      let waiting = 0;
      let last = performance.now();
      for (let frame = 0; frame < 240; frame++) {
        list.scrollTop += 60;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
        const box = list.getBoundingClientRect();
        for (let y = box.top + 40; y < box.bottom; y += 120) {
          const tile = document.elementsFromPoint(box.left + 60, y).find((node) => node.getAttribute('role') === 'option');
          // Between two rows there is a gap of 12 pixels.
          const near = tile ?? document.elementsFromPoint(box.left + 60, y + 14).find((node) => node.getAttribute('role') === 'option');
          if (near === undefined) holes += 1;
          else if (near.querySelector('.caption') === null) waiting += 1;
        }
      }
      frames.sort((a, b) => a - b);
      return { holes, waiting, median: frames[120], p95: frames[228] };
    })()`)) as { holes: number; waiting: number; median: number; p95: number };
    figures.push(
      `scrolling 14,400 pixels in 240 frames: ${result.holes} holes, ${result.waiting} of about 1,700 looked-at tiles still waiting for their row, frames ${result.median.toFixed(1)} ms median, ${result.p95.toFixed(1)} ms 95th percentile`,
    );
    expect(result.holes).toBe(0);
    expect(result.waiting).toBeLessThan(40);
  });

  it('keeps few elements however far it is scrolled, and jumps to the end', async () => {
    const list = page.getByRole('listbox', { name: 'Pictures' });
    await list.focus();
    await page.keyboard.press('End');
    await page.getByRole('option').and(page.locator('[aria-posinset="25000"]')).locator('.caption').waitFor();
    expect(await page.getByRole('option').count()).toBeLessThan(80);
    await page.keyboard.press('Home');
    await page.getByRole('option').and(page.locator('[aria-posinset="1"]')).locator('.caption').waitFor();
  });

  it('chooses all and takes the rating of all back', async () => {
    await page.keyboard.press('Control+a');
    await page.getByText('25,000 pictures', { exact: true }).nth(1).waitFor({ timeout: 60_000 });
    await page.getByRole('listbox', { name: 'Pictures' }).focus();
    await page.keyboard.press('3');
    await page.getByRole('button', { name: 'Undo' }).click({ timeout: 60_000 });
    await page.getByText('Undone.').first().waitFor({ timeout: 60_000 });
  });

  it('went without an error in the page', () => {
    expect(watched.problems).toEqual([]);
  });
});
