/**
 * Pictures of the app at work and in trouble, and of every language, for someone to look at: with
 * `LIKENESS_SCREENSHOTS` only, since `npm test` has the same states in its other specs.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, it, onTestFailed } from 'vitest';
import { SmallDisk } from '../integration/reliability/support/small-disk.js';
import { BROKEN_PACKS } from '../integration/support/broken-packs.js';
import { HubServer } from '../integration/support/hub-server.js';
import { tinyCatalogue } from '../integration/support/tiny-catalogue.js';
import { makeTinyPack, type TinyPack } from '../integration/support/tiny-pack.js';
import { launchBrowser, openPage } from './support/browser';
import { buildRenderer, startHost, temporaryGallery, type Host, type TemporaryGallery } from './support/host';
import { held, post, show, SIZES, speak, take } from './support/looks';
import { COMPLETE, saveFailure } from './support/screenshot';
import { fillStudio, goTo } from './support/studio';

const SCRIPTED_ENGINE = fileURLToPath(new URL('../integration/support/scripted-engine.mjs', import.meta.url));
/** Conversions want 512 MiB to stay free before they begin; what the demo pack makes takes less than 100. */
const DISK_BYTES = 768 * 2 ** 20;
const PATIENT = { timeout: 180_000 };
/** What a check of files found, in any language. */
const FOUND = 'section ul.parts';
const NARROW = SIZES.filter(({ width }) => width < 1920);

let browser: Browser;
let gallery: TemporaryGallery;
let host: Host;
let page: Page;

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

/** Opens the app in a browser on a host of its own. */
async function open(args: readonly string[], env: Readonly<Record<string, string>> = {}, data?: string): Promise<void> {
  buildRenderer();
  gallery = await temporaryGallery();
  [browser, host] = await Promise.all([
    launchBrowser(),
    startHost({ ...gallery, folder: data ?? gallery.folder }, { args, env }),
  ]);
  ({ page } = await openPage(browser));
  await page.goto(host.url);
  // The form is filled with what the host said: the page has its session.
  await page.getByRole('textbox', { name: 'Prompt' }).waitFor();
}

async function close(): Promise<void> {
  await browser.close();
  await host.stop();
  await gallery.dispose();
}

describe.skipIf(!COMPLETE)('at work', { retry: 0, timeout: 600_000 }, () => {
  let hub: HubServer;
  let pack: TinyPack;
  let disk: SmallDisk;
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'likeness-e2e-states-'));
    const mounted = SmallDisk.mount(join(home, 'disk'), DISK_BYTES);
    if (typeof mounted === 'string') throw new Error(mounted);
    disk = mounted;
    [pack, hub] = await Promise.all([makeTinyPack(), HubServer.start()]);
    const catalogue = join(home, 'catalogue.json');
    await writeFile(catalogue, JSON.stringify([await tinyCatalogue(pack.root, hub)]));
    const env = {
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(home, 'hf'),
      HF_TOKEN: '',
      XDG_CONFIG_HOME: join(home, 'config'),
    };
    await open(['--catalogue', catalogue, '--packs', join(home, 'packs')], env, join(disk.folder, 'data'));
  });
  afterAll(async () => {
    await close();
    disk.unmount();
    await Promise.all([pack.remove(), hub.stop(), rm(home, { recursive: true, force: true })]);
  });

  it('the first start', async () => {
    await page.getByRole('button', { name: 'Draw all three' }).waitFor();
    await take(page, 'empty-studio');
    for (const screen of ['compare', 'gallery', 'models', 'report', 'settings']) {
      await show(page, screen);
      await page.waitForLoadState('networkidle');
      await take(page, `empty-${screen}`);
    }
    await post(page, 'settings.set', { guide: { offered: false, comparisonId: null, hint: null } });
  });

  it('a pack with a wrong file', async () => {
    const wrong = BROKEN_PACKS.find(([what]) => what === 'the config of another class');
    await wrong?.[4](pack);
    await show(page, 'models');
    await page.getByRole('button', { name: 'I have the files' }).click();
    await page.getByLabel('Path of a folder or file').fill(pack.root);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '1 part is missing' }).waitFor();
    await take(page, 'failed-import', { at: FOUND });
    for (const language of ['ja', 'zh-Hans', 'de', 'fr'] as const) {
      await speak(page, language);
      await take(page, `${language}-failed-import`, { sizes: NARROW, at: FOUND });
    }
    await speak(page, 'en');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
  });

  it('a conversion and a download', async () => {
    hub.pace = { pieceBytes: 600, everyMs: 30 };
    await post(page, 'library.download', {
      libraryId: 'tiny',
      variants: ['aes_stage2'],
      acceptedLicences: ['tiny-dev', 'tiny-nc'],
    });
    await show(page, 'models');
    await page
      .getByRole('button', { name: /^Prepare formats of/ })
      .first()
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/on the disk, .* are free\./).waitFor();
    await take(page, 'prepare-dialog', { sizes: NARROW });
    for (const box of await dialog.getByRole('checkbox', { disabled: false }).all()) await box.check();
    await dialog.getByRole('button', { name: 'Prepare them' }).click();
    await dialog.waitFor({ state: 'detached' });
    const conversion = page.getByRole('group', { name: 'The conversion' });
    await conversion.getByRole('button', { name: 'Pause' }).waitFor();
    await held(host.pid, async () => {
      await page
        .getByText(/of .*·.*\/s/)
        .first()
        .waitFor();
      await take(page, 'busy-models');
    });
    await conversion.getByText(/^All \d+ done\.$/).waitFor(PATIENT);
  });

  it('a run, and more that wait', async () => {
    await goTo(page, 'Studio');
    await fillStudio(page, 12);
    await page.getByRole('button', { name: 'Keep only row 1' }).click();
    await page.getByRole('button', { name: 'Equal bits' }).click();
    await page.getByRole('button', { name: 'Make 6 pictures' }).click();
    await page.getByText(/^1 of 6 done/).waitFor(PATIENT);
    await page.getByRole('button', { name: 'Make 6 pictures' }).click();
    await page.getByRole('button', { name: 'Make 6 pictures' }).click();
    await page.getByText(/^2 of 6 done/).waitFor(PATIENT);
    await page.getByRole('img', { name: /^Preview of/ }).waitFor(PATIENT);
    await held(host.pid, async () => {
      await take(page, 'busy-studio');
      for (const screen of ['compare', 'gallery', 'settings', 'report']) {
        await show(page, screen);
        await page.waitForLoadState('networkidle');
        await take(page, `busy-${screen}`);
      }
      await show(page, 'studio');
      await post(page, 'queue.pause');
      await page.getByRole('button', { name: 'Resume the queue' }).waitFor();
      await take(page, 'paused-studio', { sizes: NARROW });
      for (const language of ['ja', 'zh-Hans', 'de', 'fr'] as const) {
        await speak(page, language);
        await take(page, `${language}-busy-studio`, { sizes: NARROW });
        await show(page, 'models');
        await take(page, `${language}-busy-models`, { sizes: NARROW });
        await show(page, 'studio');
      }
      await speak(page, 'en');
    });
    await page.getByRole('button', { name: 'Cancel everything' }).click();
    await post(page, 'queue.resume');
    await page.getByText(/^2 of 6 done|^3 of 6 done/).waitFor(PATIENT);
  });

  it('a blind test', async () => {
    await goTo(page, 'Compare');
    await page.getByRole('button', { name: 'Blind test' }).click();
    const dialog = page.getByRole('dialog', { name: 'Blind test' });
    await dialog.getByRole('spinbutton', { name: 'Trials' }).waitFor();
    await take(page, 'blind-dialog', { sizes: NARROW });
    await dialog.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('img', { name: 'Picture X' }).waitFor();
    await take(page, 'busy-blind');
    for (const language of ['ja', 'zh-Hans', 'de', 'fr'] as const) {
      await speak(page, language);
      await take(page, `${language}-blind`, { sizes: NARROW });
    }
    await speak(page, 'en');
    await page.keyboard.press('Escape');
    await page
      .getByRole('button', { name: /^Leave/ })
      .click()
      .catch(() => null);
  });

  it('every screen in every language', async () => {
    for (const language of ['en', 'ja', 'zh-Hans', 'de', 'fr'] as const) {
      const sizes = language === 'en' ? SIZES : NARROW;
      await speak(page, language);
      for (const screen of ['studio', 'compare', 'gallery', 'models', 'report', 'settings']) {
        await show(page, screen);
        await page.waitForLoadState('networkidle');
        if (screen === 'gallery') await page.getByRole('listbox').getByRole('option').first().click();
        await take(page, `${language}-${screen}`, { sizes });
        if (screen !== 'compare') continue;
        const rows = page.locator('.under fieldset label');
        for (let at = 1; at < (await rows.count()); at += 1) {
          await rows.nth(at).click();
          await page.waitForLoadState('networkidle');
          await take(page, `${language}-compare-rows-${at}`, { sizes: NARROW });
        }
        await rows.first().click();
      }
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await take(page, `${language}-shortcuts`, { sizes: NARROW });
      await page.keyboard.press('Escape');
    }
  });

  it('a disk that is full', async () => {
    await speak(page, 'en');
    await goTo(page, 'Studio');
    await page.getByRole('button', { name: 'Remove from the list' }).first().click();
    await page.getByRole('button', { name: 'Remove from the list' }).first().click();
    await post(page, 'queue.pause');
    await page.getByRole('button', { name: 'Make 6 pictures' }).click();
    await page.getByText('waiting').first().waitFor();
    disk.fill(64 * 1024);
    await post(page, 'queue.resume');
    const problem = page.getByRole('region', { name: 'Queue' }).getByRole('alert');
    await problem.waitFor(PATIENT);
    await take(page, 'full-disk');
    for (const language of ['ja', 'zh-Hans', 'de', 'fr'] as const) {
      disk.relieve();
      await speak(page, language);
      await take(page, `${language}-full-disk`, { sizes: NARROW });
    }
    await speak(page, 'en');
    await post(page, 'queue.resume');
    await problem.waitFor({ state: 'detached' });
  });
});

describe.skipIf(!COMPLETE)('in trouble', { retry: 0, timeout: 600_000 }, () => {
  beforeAll(async () => {
    await open(['--engine', SCRIPTED_ENGINE]);
    await post(page, 'settings.set', { guide: { offered: false, comparisonId: null, hint: null } });
  });
  afterAll(close);

  async function make(prompt: string): Promise<void> {
    await page.getByRole('textbox', { name: 'Prompt' }).fill(prompt);
    await page.getByRole('button', { name: /^Make \d/ }).click();
  }

  it('memory that runs out', async () => {
    await page.getByRole('textbox', { name: 'Prompt' }).fill('a portrait in soft light, slow fail@3 heavy');
    await make('a portrait in soft light, slow fail@3 heavy');
    await page
      .getByRole('button', { name: /^FLUX in INT8/ })
      .first()
      .waitFor(PATIENT);
    await page.getByText(/^\d of \d done, \d failed/).waitFor(PATIENT);
    await take(page, 'failed-memory');
    await show(page, 'compare');
    await page.waitForLoadState('networkidle');
    await take(page, 'failed-memory-compare');
    for (const language of ['ja', 'zh-Hans', 'de', 'fr'] as const) {
      await speak(page, language);
      await show(page, 'studio');
      await take(page, `${language}-failed-memory`, { sizes: NARROW });
      await show(page, 'compare');
      await take(page, `${language}-failed-memory-compare`, { sizes: NARROW });
    }
    await speak(page, 'en');
  });

  it('an engine that crashes', async () => {
    await goTo(page, 'Studio');
    await make('a portrait in a garden, slow crash@2');
    await page
      .getByText(/paused|crashed/i)
      .first()
      .waitFor(PATIENT);
    await page.waitForTimeout(2000);
    await take(page, 'failed-crash');
    await show(page, 'gallery');
    await page.getByRole('listbox').getByRole('option').first().click();
    await page.waitForLoadState('networkidle');
    await take(page, 'failed-gallery');
    for (const language of ['ja', 'zh-Hans', 'de', 'fr'] as const) {
      await speak(page, language);
      await take(page, `${language}-failed-gallery`, { sizes: NARROW });
      await show(page, 'studio');
      await take(page, `${language}-failed-crash`, { sizes: NARROW });
      await show(page, 'gallery');
    }
    await speak(page, 'en');
  });

  it('a host that is gone', async () => {
    await goTo(page, 'Studio');
    await host.stop();
    await page
      .getByText(/does not respond/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: /^Make \d/ }).click();
    await take(page, 'failed-host');
    await show(page, 'gallery');
    await take(page, 'failed-host-gallery', { sizes: NARROW });
    await show(page, 'report');
    await take(page, 'failed-host-report', { sizes: NARROW });
  });
});
