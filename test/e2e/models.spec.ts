/** The Models screen against a hub on this machine: licences, refusals, pausing, checking, the token, the cache. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { openCheckpoint } from '../../src-main/engine/weights/open-checkpoint.js';
import { writeSafetensors } from '../support/write-safetensors.js';
import { HubServer } from '../integration/support/hub-server.js';
import { tinyCatalogue } from '../integration/support/tiny-catalogue.js';
import { makeTinyPack, zeros, type TinyPack } from '../integration/support/tiny-pack.js';
import { axeViolations } from './support/axe';
import { launchBrowser, openPage, type WatchedPage } from './support/browser';
import {
  buildRenderer,
  quickAssets,
  startHost,
  temporaryGallery,
  type Host,
  type TemporaryGallery,
} from './support/host';
import { saveFailure, saveScreenshot } from './support/screenshot';
import { settle } from './support/settle';
import { fillStudio, goTo, runToEnd } from './support/studio';

const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
] as const;
const TOKEN = 'hf_for_the_browser_test';

let browser: Browser;
let gallery: TemporaryGallery;
let host: Host;
let watched: WatchedPage;
let page: Page;
let hub: HubServer;
let pack: TinyPack;
let home: string;
let lora: string;
let dropped: string;
/** A LoRA for Stable Diffusion. */
let foreign: string;

/** A LoRA of rank 1 for the first layer of the bundled pack. */
async function makeLora(assets: string, file: string): Promise<void> {
  const layer = 'transformer_blocks.0.attn.to_q';
  const transformer = await openCheckpoint(join(assets, 'models', 'demo', 'flux', 'transformer'));
  const [out = 0, into = 0] = transformer.entries.get(`${layer}.weight`)?.shape ?? [];
  await transformer.close();
  await writeSafetensors(file, [
    zeros(`transformer.${layer}.lora_A.weight`, [1, into]),
    zeros(`transformer.${layer}.lora_B.weight`, [out, 1]),
  ]);
}

beforeAll(async () => {
  buildRenderer();
  home = await mkdtemp(join(tmpdir(), 'likeness-e2e-home-'));
  [gallery, pack, hub] = await Promise.all([temporaryGallery(quickAssets), makeTinyPack(), HubServer.start()]);
  lora = join(home, 'style.safetensors');
  dropped = join(home, 'grain.safetensors');
  await makeLora(gallery.assets, lora);
  await makeLora(gallery.assets, dropped);
  foreign = join(home, 'foreign.safetensors');
  await writeSafetensors(foreign, [zeros('lora_unet_down_blocks_0_attn.lora_down.weight', [1, 4])]);
  const catalogue = join(home, 'catalogue.json');
  await writeFile(catalogue, JSON.stringify([await tinyCatalogue(pack.root, hub)]));
  [browser, host] = await Promise.all([
    launchBrowser(),
    startHost(gallery, {
      args: ['--catalogue', catalogue, '--packs', join(home, 'packs')],
      env: {
        HF_ENDPOINT: hub.endpoint,
        HF_HOME: join(home, 'hf'),
        HF_TOKEN: '',
        XDG_CONFIG_HOME: join(home, 'config'),
      },
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
  await Promise.all([gallery.dispose(), pack.remove(), hub.stop(), rm(home, { recursive: true, force: true })]);
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
const download = () => page.getByRole('group', { name: 'The download' });

async function check(name: string): Promise<void> {
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await settle(page);
    expect(await axeViolations(page)).toEqual([]);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wider, 'pixels wider than the window').toBeLessThanOrEqual(0);
    await saveScreenshot(page, `models-${name}-${size.width}`);
  }
  await page.setViewportSize(SIZES[0]);
}

/** Opens the licences, accepts all of them and starts. */
async function startDownload(): Promise<void> {
  await button('Download…').click();
  const dialog = page.getByRole('dialog');
  const boxes = dialog.getByRole('checkbox', { name: /^I have read/ });
  for (const box of await boxes.all()) await box.check();
  await dialog.getByRole('button', { name: 'Start the download' }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function cancelDownload(): Promise<void> {
  await download().getByRole('button', { name: 'Cancel…' }).click();
  await button('Cancel and delete').click();
  await button('Download…').waitFor();
}

describe('a download', () => {
  it('starts only after every licence is accepted', async () => {
    await button('Download…').click();
    const dialog = page.getByRole('dialog');
    const start = dialog.getByRole('button', { name: 'Start the download' });
    expect(await start.isDisabled()).toBe(true);
    const boxes = dialog.getByRole('checkbox', { name: /^I have read/ });
    expect(await boxes.count()).toBe(2);
    await boxes.first().check();
    expect(await start.isDisabled()).toBe(true);
    await boxes.last().check();
    expect(await start.isEnabled()).toBe(true);
    await check('licences');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(hub.requests).toEqual([]);
  });

  it('says that a token is needed, takes one and goes on', async () => {
    hub.gate = (token) =>
      token === TOKEN ? null : { kind: 'status', status: 401, headers: { 'x-error-code': 'GatedRepo' } };
    await startDownload();
    await download().getByText('no token is set').waitFor();
    await check('no-token');
    await download().getByRole('button', { name: 'Set a token…' }).click();
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByText('A token is saved here.').waitFor();
    expect(await page.content()).not.toContain(TOKEN);
    await download().getByRole('button', { name: 'Resume' }).click();
    await download().getByText('Downloaded', { exact: true }).waitFor();
    await button('Remove…').click();
    await button('Remove it').click();
    await button('Download…').waitFor();
  });

  it.each([
    ['a licence that is not accepted', 'You are not in the authorized list.', 'has not accepted the licence'],
    ['a request that is pending', 'Your request is awaiting a review.', 'have not granted it yet'],
    ['a token of the wrong scope', 'Check your fine-grained token settings.', 'may not read gated repositories'],
  ])('tells %s apart', async (_what, said, sentence) => {
    hub.gate = () => ({
      kind: 'status',
      status: 403,
      headers: { 'x-error-code': 'GatedRepo', 'x-error-message': said },
    });
    await startDownload();
    await download().getByText(sentence).waitFor();
    await cancelDownload();
    hub.gate = null;
  });

  it('shows how far it is, pauses, survives a reload and resumes to the end', async () => {
    hub.pace = { pieceBytes: 3_000, everyMs: 15 };
    await startDownload();
    await download()
      .getByText(/of .*·.*\/s/)
      .waitFor();
    await check('running');
    await download().getByRole('button', { name: 'Pause' }).click();
    await download().getByText('Paused', { exact: true }).waitFor();
    await page.reload();
    await download().getByText('Downloaded data is kept.').waitFor();
    hub.pace = null;
    await download().getByRole('button', { name: 'Resume' }).click();
    await download().getByText('Downloaded', { exact: true }).waitFor();
    await page.getByText('Downloaded here').waitFor();
    await button('Check the files').press('Enter');
    await page.getByRole('heading', { name: 'Everything is there' }).waitFor();
    await page.evaluate(() => document.querySelector('.screen')?.scrollTo(0, 0));
    await check('done');
  });

  it('can be removed again', async () => {
    await button('Remove…').click();
    await button('Remove it').click();
    await button('Download…').waitFor();
    await button('Remove the token').click();
    await page.getByText('There is no token.').waitFor();
  });
});

describe('converting ahead of a run', () => {
  const conversion = () => page.getByRole('group', { name: 'The conversion' });
  const dialog = () => page.getByRole('dialog');

  it('says first what each format takes, and that nothing is chosen', async () => {
    await button(/^Prepare formats of/)
      .first()
      .click();
    await dialog()
      .getByText(/on the disk, .* are free\./)
      .waitFor();
    await check('prepare');
    for (const box of await dialog().getByRole('checkbox', { disabled: false }).all()) await box.uncheck();
    await dialog().getByText('Choose at least one format.').waitFor();
    expect(await button('Prepare them').isDisabled()).toBe(true);
    // 16-bit is read where it lies.
    expect(await dialog().getByRole('checkbox', { name: 'T5 in 16-bit' }).isDisabled()).toBe(true);
  });

  it('shows how far it is, pauses, survives a reload and goes on to the end', async () => {
    for (const name of ['FLUX in NF4', 'FLUX in INT4', 'FLUX in FP8', 'T5 in NF4']) {
      await dialog().getByRole('checkbox', { name }).check();
    }
    await button('Prepare them').click();
    await dialog().waitFor({ state: 'detached' });
    await conversion().waitFor();
    // The bundled pack takes a second or two: it is paused while it goes on, or done before.
    const pause = conversion().getByRole('button', { name: 'Pause' });
    await pause.click({ timeout: 2000 }).catch(() => null);
    await conversion()
      .getByText(/^(Paused|Prepared)$/)
      .waitFor();
    await check('prepare-paused');
    await page.reload();
    const resume = conversion().getByRole('button', { name: 'Resume' });
    await conversion().waitFor();
    if (await resume.isVisible()) await resume.click();
    await conversion().getByText('All 4 done.').waitFor();
    await check('prepared');
    await conversion().getByRole('button', { name: 'Close' }).click();
    await conversion().waitFor({ state: 'detached' });
  });

  it('lists what is there by content, and removes one of them', async () => {
    const remove = button(/^Remove FLUX INT4 of/);
    await remove.scrollIntoViewIfNeeded();
    await check('prepared-list');
    await remove.click();
    await remove.waitFor({ state: 'detached' });
    await button(/^Remove FLUX NF4 of/).waitFor();
    await button(/^Prepare formats of/)
      .first()
      .click();
    await dialog().getByText('ready').first().waitFor();
    expect(await dialog().getByRole('checkbox', { name: 'FLUX in INT4' }).isEnabled()).toBe(true);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
  });
});

/** Drops a file from this computer on the page, as a browser hands it over. */
async function drop(file: string, target: string): Promise<void> {
  const dataBase64 = (await readFile(file)).toString('base64');
  await page.locator(target).evaluate(
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

describe('a dropped LoRA', () => {
  it('is refused by its header when it is another model, and taken over when it is one', async () => {
    await drop(foreign, 'main .screen');
    const unknown = page.getByText(/unknown tensors?$/);
    await unknown.waitFor();
    await unknown.scrollIntoViewIfNeeded();
    await check('lora-dropped-refused');
    await page.getByText('Dismiss', { exact: true }).click();
    await drop(dropped, 'main .screen');
    await page.getByText('1 layer of FLUX').waitFor();
    await page.getByText('1 layer of FLUX').scrollIntoViewIfNeeded();
    await check('lora-dropped');
    await button('Forget grain').click();
    await page.getByText('1 layer of FLUX').waitFor({ state: 'detached' });
  });

  it('is used at once on the studio', async () => {
    await goTo(page, 'Studio');
    await drop(dropped, 'main .studio');
    await page.getByRole('spinbutton', { name: 'grain' }).waitFor();
    await button('Remove grain').click();
  });
});

describe('LoRAs', () => {
  it('are chosen in the studio, with a weight, and say what of them is unknown', async () => {
    await goTo(page, 'Studio');
    const path = page.getByLabel('Path of a LoRA file');
    await path.fill(join(pack.flux, 'vae', 'diffusion_pytorch_model.safetensors'));
    await page.keyboard.press('Enter');
    const unknown = page.getByText(/unknown tensors?$/);
    await unknown.click();
    await page.getByText('decoder.conv_in.bias', { exact: true }).waitFor();
    await page.getByText('LoRAs', { exact: true }).scrollIntoViewIfNeeded();
    await check('lora-refused');
    // By its text: notices have a button of that name too.
    await page.getByText('Dismiss', { exact: true }).click();
    await path.fill(lora);
    await page.keyboard.press('Enter');
    const weight = page.getByRole('spinbutton', { name: 'style' });
    await weight.fill('0.8');
    await check('lora');
  });
});

describe('converted weights', () => {
  it('are shown by pack and can be removed', async () => {
    await goTo(page, 'Studio');
    await fillStudio(page, 1);
    await runToEnd(page, 3);
    await goTo(page, 'Models');
    const remove = button(/^Remove the converted weights of/);
    await remove.waitFor();
    await remove.scrollIntoViewIfNeeded();
    await check('cache');
    await remove.click();
    await page.getByText('None yet.').waitFor();
  });

  it('leave the LoRA with the run', async () => {
    await goTo(page, 'Gallery');
    await page.getByRole('listbox').getByRole('option').first().click();
    await page.getByText('style 0.8').waitFor();
  });

  it('left nothing on the console', () => {
    expect(watched.problems).toEqual([]);
  });
});
