/**
 * Memory that runs out: the choices are offered, and pressing one makes the picture. The engine is scripted, so that it
 * runs out for certain; test/integration/reliability has it for real.
 */
import type { Browser, Page } from 'playwright-core';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { axeViolations } from './support/axe';
import { launchBrowser, openPage, type WatchedPage } from './support/browser';
import { buildRenderer, startHost, temporaryGallery, type Host, type TemporaryGallery } from './support/host';
import { saveFailure, saveScreenshot } from './support/screenshot';
import { goTo } from './support/studio';

const SCRIPTED_ENGINE = fileURLToPath(new URL('../integration/support/scripted-engine.mjs', import.meta.url));

let gallery: TemporaryGallery;
let browser: Browser;
let host: Host;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  buildRenderer();
  gallery = await temporaryGallery();
  [browser, host] = await Promise.all([launchBrowser(), startHost(gallery, { args: ['--engine', SCRIPTED_ENGINE] })]);
  watched = await openPage(browser);
  page = watched.page;
  await page.goto(host.url);
});
beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});
afterAll(async () => {
  await browser.close();
  await host.stop();
  await gallery.dispose();
});

const choices = () => page.getByRole('group', { name: 'Smaller choices for All 16-bit' });
const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
];

async function look(name: string): Promise<void> {
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await saveScreenshot(page, `${name}-${size.width}`);
  }
  await page.setViewportSize(SIZES[0] ?? { width: 1440, height: 900 });
  expect(await axeViolations(page)).toEqual([]);
}

describe('memory that runs out', { retry: 0 }, () => {
  it('is tried twice, then offers what is smaller, with what it saves and costs', async () => {
    await page.getByRole('textbox', { name: 'Prompt' }).fill('a portrait in soft light, slow fail@9 heavy');
    // A second of its second try, so that it is seen.
    await page.getByRole('spinbutton', { name: 'Steps' }).fill('12');
    await page.getByRole('button', { name: 'Keep only row 1' }).click();
    await page.getByRole('button', { name: /^Make 1 picture/ }).click();
    await page
      .getByText(/^Memory ran out, second try: /)
      .first()
      .waitFor({ timeout: 120_000 });
    await choices().waitFor({ timeout: 120_000 });
    const first = choices().getByRole('button', { name: /^FLUX in INT8/ });
    await first.waitFor();
    expect(await first.innerText()).toMatch(
      /^FLUX in INT8\s+saves 7\.45 GiB, FLUX weight error about 0\.9 % instead of 0 %, time not known yet$/,
    );
    await look('smaller-studio');
  });

  it('stands beside the picture in the gallery and in the comparison, too', async () => {
    await goTo(page, 'Gallery');
    await page.getByRole('combobox', { name: 'Search the gallery' }).fill('status:failed');
    await page.getByRole('listbox', { name: 'Pictures' }).getByRole('option').first().click();
    await page
      .getByRole('complementary')
      .getByRole('button', { name: /^FLUX in INT8/ })
      .waitFor();
    await look('smaller-gallery');
    await page.getByRole('complementary').getByRole('button', { name: 'Compare', exact: true }).click();
    await page.getByRole('button', { name: 'Smaller choices' }).click();
    const dialog = page.getByRole('dialog', { name: 'Smaller choices for All 16-bit' });
    await dialog.getByRole('button', { name: /^FLUX in INT8/ }).waitFor();
    await look('smaller-compare');
    await page.keyboard.press('Escape');
  });

  it('is made when one is pressed, in the same comparison', async () => {
    await goTo(page, 'Studio');
    await choices()
      .getByRole('button', { name: /^FLUX in INT8/ })
      .click();
    await page.getByText('1 smaller picture added to the queue.').first().waitFor();
    await page.getByText('1 of 2 done, 1 failed').waitFor({ timeout: 120_000 });
    // What the comparison has is not offered again.
    await choices().getByText('No smaller choice is left.').waitFor();
    await look('smaller-made');
    await goTo(page, 'Compare');
    await page.getByRole('img', { name: 'Picture made with 16-bit + FLUX INT8' }).waitFor();
    await look('smaller-made-compare');
  });

  it('went without an error in the page', () => {
    expect(watched.problems).toEqual([]);
  });
});
