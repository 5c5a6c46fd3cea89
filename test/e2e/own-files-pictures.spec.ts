/**
 * The pictures of "I have the files" in the documents, with files of the real sizes and without data in a neutral home.
 * Only with LIKENESS_SCREENSHOTS; Linux, as a user who may make /home/ada.
 */
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { launchBrowser, openPage } from './support/browser';
import { startEndlessHub, type EndlessHub } from './support/endless-hub';
import { take as takeStates } from './support/looks';
import { buildRenderer, startHost, temporaryGallery, type Host, type TemporaryGallery } from './support/host';
import { addRealFaces, addRealIdentity, makeRealComfy } from './support/real-sizes';
import { COMPLETE, saveScreenshot } from './support/screenshot';
import { goTo } from './support/studio';

const HOME = '/home/ada';
describe.skipIf(!COMPLETE)('the pictures of “I have the files”', { retry: 0 }, () => {
  let browser: Browser;
  let gallery: TemporaryGallery;
  let host: Host;
  let hub: EndlessHub;
  let page: Page;
  let packs: string;

  beforeAll(async () => {
    buildRenderer();
    if ((await stat(HOME).catch(() => null)) !== null) throw new Error(`${HOME} exists; the pictures need it empty.`);
    await makeRealComfy(join(HOME, 'ComfyUI'));
    const ofVariant = { 'infusenet_aes_bf16.safetensors': 5.91e9, 'image_proj_model.bin': 338_413_026 };
    [gallery, hub, browser] = await Promise.all([
      temporaryGallery(),
      startEndlessHub(ofVariant, 12 * 2 ** 20),
      launchBrowser(),
    ]);
    packs = join(gallery.folder, '..', 'packs');
    const env = { HOME, HF_ENDPOINT: hub.endpoint, HF_HOME: join(HOME, '.cache', 'huggingface'), HF_TOKEN: '' };
    host = await startHost(gallery, { args: ['--packs', packs], env });
    ({ page } = await openPage(browser));
    await page.goto(host.url);
    await goTo(page, 'Models');
  });
  afterAll(async () => {
    await browser.close();
    await host.stop();
    await Promise.all([gallery.dispose(), hub.stop(), rm(HOME, { recursive: true, force: true })]);
  });

  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
  const panel = () => page.getByRole('region', { name: 'I have the files' });

  /** At each size in both themes, and the panel alone for the documents. */
  async function take(name: string): Promise<void> {
    await page.mouse.move(0, 0);
    await takeStates(page, `files-${name}`);
    const shown = (await panel().count()) > 0 ? panel() : undefined;
    await saveScreenshot(page, `files-${name}`, shown);
  }

  it('the way from the folder to the studio', { timeout: 300_000 }, async () => {
    await button('I have the files').click();
    await button(/^ComfyUI/).waitFor();
    await take('places');
    await button(/^ComfyUI/).click();
    await panel().getByRole('heading', { name: '4 parts are missing' }).waitFor();
    await take('missing');
    await addRealFaces(join(HOME, 'ComfyUI'));
    await button('Search again').click();
    await panel().getByRole('heading', { name: '2 parts are missing' }).waitFor();
    await panel().getByRole('checkbox').check();
    await button(/^Download what is missing/).click();
    await panel()
      .getByText(/· about/)
      .waitFor({ timeout: 60_000 });
    await page.waitForTimeout(15_000);
    await take('download');
    await panel().getByRole('button', { name: 'Cancel…' }).click();
    await button('Cancel and delete').click();
    await mkdir(join(packs, 'parts'), { recursive: true });
    await addRealIdentity(join(packs, 'parts'));
    await button('Search again').click();
    await panel().getByRole('heading', { name: 'Everything is there' }).waitFor();
    await take('complete');
    await button('Use these files').click();
    await button('Draw all three').waitFor();
    await page.getByText('GiB', { exact: false }).first().waitFor();
    await button('Dismiss').click();
    await take('studio');
  });
});
