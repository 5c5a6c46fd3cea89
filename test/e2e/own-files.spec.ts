/**
 * "I have the files": from ComfyUI's folder to the first comparison in at most six clicks, with a hub on this machine that
 * has what is missing.
 */
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { HubServer } from '../integration/support/hub-server.js';
import { partsCatalogue } from '../integration/support/parts-catalogue.js';
import { FILE, link, makeComfyFolder } from '../integration/support/program-folders.js';
import { axeViolations } from './support/axe';
import { launchBrowser, openPage, type WatchedPage } from './support/browser';
import {
  buildRenderer,
  ON_WINDOWS,
  quickAssets,
  startHost,
  temporaryGallery,
  typed,
  type Host,
  type TemporaryGallery,
} from './support/host';
import { saveFailure, saveScreenshot } from './support/screenshot';
import { settle } from './support/settle';
import { goTo } from './support/studio';

let browser: Browser;
let gallery: TemporaryGallery;
let host: Host;
let watched: WatchedPage;
let page: Page;
let hub: HubServer;
let home: string;

beforeAll(async () => {
  buildRenderer();
  home = await mkdtemp(join(tmpdir(), 'likeness-e2e-home-'));
  [gallery, hub] = await Promise.all([temporaryGallery(quickAssets), HubServer.start()]);
  await makeComfyFolder(join(home, 'ComfyUI'));
  await mkdir(join(home, 'empty'));
  const catalogue = join(home, 'catalogue.json');
  await writeFile(catalogue, JSON.stringify([await partsCatalogue(hub)]));
  [browser, host] = await Promise.all([
    launchBrowser(),
    startHost(gallery, {
      args: ['--catalogue', catalogue, '--packs', join(home, 'packs')],
      env: { HOME: home, HF_ENDPOINT: hub.endpoint, HF_HOME: join(home, 'hf'), HF_TOKEN: '' },
    }),
  ]);
  watched = await openPage(browser);
  page = watched.page;
  await page.goto(host.url);
  await goTo(page, 'Models');
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

afterAll(async () => {
  await browser.close();
  await host.stop();
  await Promise.all([gallery.dispose(), hub.stop(), rm(home, { recursive: true, force: true })]);
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
const panel = () => page.getByRole('region', { name: 'I have the files' });
const part = (name: string) =>
  panel()
    .getByRole('listitem')
    .filter({ has: page.getByText(name, { exact: true }) });

async function check(name: string): Promise<void> {
  // How it looks is seen in the project e2e.
  if (ON_WINDOWS) return;
  for (const [width, height] of [
    [1440, 900],
    [1024, 700],
  ] as const) {
    await page.setViewportSize({ width, height });
    await settle(page);
    expect(await axeViolations(page)).toEqual([]);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wider, 'pixels wider than the window').toBeLessThanOrEqual(0);
    await saveScreenshot(page, `files-${name}-${width}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

describe('a person with ComfyUI’s folder only', { retry: 0 }, () => {
  it('comes to the first comparison in six clicks', { timeout: 240_000 }, async () => {
    // FLUX.1-dev's own size and steps take minutes even in miniature.
    await page.route('**/api/comparisons.create', (route) => {
      const asked = route.request().postDataJSON() as Record<string, unknown>;
      return route.continue({ postData: JSON.stringify({ ...asked, width: 256, height: 256, steps: 2 }) });
    });
    let clicks = 0;
    const click = async (what: ReturnType<typeof button>): Promise<void> => {
      await what.click();
      clicks++;
    };
    await click(button('I have the files'));
    await button(/^ComfyUI/).waitFor();
    await check('places');
    await click(button(/^ComfyUI/));
    await panel().getByRole('heading', { name: '4 parts are missing' }).waitFor();
    await part('InfuseNet (aes_stage2)').getByText('from tests/identity').waitFor();
    await part('FLUX').getByText('flux1-dev.safetensors').waitFor();
    expect(await button('Use these files').count()).toBe(0);
    expect(await button(/^Download what is missing/).isDisabled()).toBe(true);
    await check('missing');
    expect(hub.requests).toEqual([]);
    await click(panel().getByRole('checkbox', { name: 'I have read and accept these 2 licences' }) as never);
    await click(button(/^Download what is missing/));
    await panel().getByRole('heading', { name: 'Everything is there' }).waitFor();
    await check('complete');
    await click(button('Use these files'));
    const offer = page.getByRole('region', { name: 'See what quantization does: one portrait, three formats' });
    await offer.getByText('FLUX from ComfyUI').waitFor();
    await check('studio');
    await click(button('Draw all three'));
    await expect.poll(() => offer.getByRole('listitem').count(), { timeout: 30_000 }).toBe(3);
    await page.getByRole('slider', { name: /^Divider between/ }).waitFor({ timeout: 200_000 });
    expect(clicks).toBeLessThanOrEqual(6);
    const rows = await page.getByRole('rowheader').allInnerTexts();
    expect(rows).toEqual(['16-bit + InfuseNet As the file', 'All INT8', 'All NF4']);
  });

  it('has the pack in the list, which can be forgotten without its files', async () => {
    await goTo(page, 'Models');
    const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'FLUX from ComfyUI' }) });
    await card.getByText('Your own files').waitFor();
    await card.getByText('Ready').waitFor();
    await card.getByRole('button', { name: 'Forget' }).click();
    await card.waitFor({ state: 'detached' });
    expect((await readFile(join(home, 'ComfyUI/models/vae/ae.safetensors'))).byteLength).toBeGreaterThan(1e6);
  });
});

describe('a search', () => {
  it('offers a choice where there are several files, by keyboard', async () => {
    await link(join(home, 'more'), {
      'flux1-dev-Q4_0.gguf': FILE('flux-Q4_0.gguf'),
      'flux1-dev-Q8_0.gguf': FILE('flux-Q8_0.gguf'),
    });
    await button('I have the files').press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toContain('ComfyUI');
    await page.keyboard.press('Enter');
    await panel().getByRole('heading', { name: 'Everything is there' }).waitFor();
    await button('Search elsewhere, too…').press('Enter');
    await panel()
      .getByLabel('Path of a folder or file')
      .fill(typed(join(home, 'more')));
    await page.keyboard.press('Enter');
    const choice = panel().getByRole('combobox', { name: 'File for FLUX' });
    await choice.waitFor();
    expect(await choice.getByRole('option').allInnerTexts()).toEqual([
      expect.stringMatching(/^flux1-dev\.safetensors \(16-bit · .*\)$/),
      expect.stringMatching(/^flux1-dev-Q8_0\.gguf \(Q8_0 · .*\)$/),
      expect.stringMatching(/^flux1-dev-Q4_0\.gguf \(Q4_0 · .*\)$/),
    ]);
    await choice.selectOption({ index: 2 });
    await part('FLUX')
      .getByText(/^Q4_0 ·/)
      .waitFor();
    await check('choice');
    await page.reload();
    await part('FLUX')
      .getByText(/^Q4_0 ·/)
      .waitFor();
    await panel().getByRole('button', { name: 'Close' }).click();
    await panel().waitFor({ state: 'detached' });
  });

  it('says what is not there, and names everything of an empty folder with its size', async () => {
    await button('I have the files').click();
    const path = panel().getByLabel('Path of a folder or file');
    await path.fill('/nowhere/at/all');
    await page.keyboard.press('Enter');
    await page.getByText('There is no folder /nowhere/at/all').waitFor();
    await path.fill(typed(join(home, 'empty')));
    await page.keyboard.press('Enter');
    // The identity's parts, downloaded before, are there.
    await panel().getByRole('heading', { name: '6 parts are missing' }).waitFor();
    await part('FLUX').getByText('There is no download for it here.').waitFor();
    await check('empty');
    await panel().getByRole('button', { name: 'Close' }).click();
  });

  it('says what is wrong with a file, and names a download only where there is one', async () => {
    const folder = join(home, 'broken');
    await mkdir(folder);
    await writeFile(join(folder, 'flux.safetensors'), (await readFile(FILE('flux-bf16.safetensors'))).subarray(0, -9));
    await button('I have the files').click();
    await panel().getByLabel('Path of a folder or file').fill(typed(folder));
    await page.keyboard.press('Enter');
    await part('FLUX')
      .getByText(/flux\.safetensors has \d+ bytes, expected \d+ by its header: it is truncated\./)
      .waitFor();
    expect(await part('FLUX').innerText()).not.toContain('A whole one');
    await check('broken');
    await panel().getByRole('button', { name: 'Close' }).click();
  });

  it('takes dropped files for models, whose place a browser does not tell', async () => {
    await drop(FILE('ae.safetensors'));
    await panel().getByText('A browser does not tell where dropped files are (ae.safetensors)').waitFor();
    await check('dropped');
    await panel().getByRole('button', { name: 'Close' }).click();
  });

  it('left nothing on the console', () => {
    expect(watched.problems).toEqual([]);
  });
});

/** Drops a file from this computer on the screen, as a browser hands it over. */
async function drop(file: string): Promise<void> {
  const dataBase64 = (await readFile(file)).toString('base64');
  await page.locator('main .screen').evaluate(
    (node, { name, data }) => {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name));
      for (const type of ['dragenter', 'dragover', 'drop']) {
        node.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
      }
    },
    { name: basename(file), data: dataBase64 },
  );
}
