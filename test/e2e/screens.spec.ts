/**
 * Every screen, in both themes and at both sizes: axe, no sideways scrolling, and a screenshot that is looked at. Every
 * theme at every size with `LIKENESS_SCREENSHOTS`.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { axeViolations } from './support/axe';
import { closeApp, openApp, type OpenApp } from './support/app';
import { english, type TextId } from '../../src-renderer/text/en/catalogue';
import type { Message } from '../../src-renderer/text/message';
import { CATALOGUES } from '../../src-renderer/text/text.svelte';
import { COMPLETE, saveFailure, saveScreenshot } from './support/screenshot';
import { settle } from './support/settle';
import { fillStudio, goTo, runToEnd } from './support/studio';

const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
] as const;
const THEMES = ['Dark', 'Light'] as const;
const VIEWS = SIZES.flatMap((size, at) =>
  THEMES.filter((_, theme) => COMPLETE || theme === at).map((theme) => [size, theme] as const),
);

let app: OpenApp;
let page: Page;

beforeAll(async () => {
  app = await openApp();
  page = app.page;
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

afterAll(() => closeApp(app));

async function arrived(): Promise<void> {
  await page.waitForLoadState('networkidle');
  await settle(page);
}

async function check(name: string): Promise<void> {
  await arrived();
  expect(await axeViolations(page)).toEqual([]);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(wider, 'pixels wider than the window').toBeLessThanOrEqual(0);
  const { width } = page.viewportSize() ?? { width: 0 };
  await saveScreenshot(page, `${name}-${width}`);
}

async function setTheme(theme: 'Dark' | 'Light'): Promise<void> {
  await goTo(page, 'Settings');
  await page.getByText(theme, { exact: true }).click();
  await page.locator(`html[data-theme=${theme.toLowerCase()}]`).waitFor();
}

describe('before anything was made', () => {
  it.each(['Compare', 'Gallery', 'Report'])('%s says what to do', async (screen) => {
    await goTo(page, screen);
    await page.getByRole('button', { name: /studio|first comparison/ }).waitFor();
    await check(`empty-${screen.toLowerCase()}`);
  });

  it('the studio invites', async () => {
    await goTo(page, 'Studio');
    await page.getByRole('button', { name: 'Choose the identity photo' }).waitFor();
    await check('empty-studio');
  });

  it('an address that names nothing gets an error with a remedy', async () => {
    await page.goto(`${app.host.base}#/compare/nothing`);
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(/run\.not-found/);
    await check('error-compare');
  });
});

describe('with a comparison', () => {
  beforeAll(async () => {
    await goTo(page, 'Studio');
    await fillStudio(page, COMPLETE ? 16 : 4);
    await page.getByRole('button', { name: 'Keep only row 1' }).click();
    await page.getByRole('button', { name: 'Equal bits' }).click();
    await page.getByRole('button', { name: 'Make 6 pictures' }).click();
    await page.getByText(/^1 of 6 done/).waitFor({ timeout: 60_000 });
    await page.getByRole('img', { name: /^Preview of/ }).waitFor({ timeout: 60_000 });
    await saveScreenshot(page, 'studio-running-1440');
    await page.getByText('All 6 done').waitFor({ timeout: 300_000 });
    await fillStudioAgain();
  });

  /** A second comparison, so that the gallery has more than one stack. */
  async function fillStudioAgain(): Promise<void> {
    await page.getByRole('button', { name: 'Keep only row 1' }).click();
    await page.getByRole('button', { name: 'All NF4' }).click();
    await page.getByRole('button', { name: 'Examples of prompts' }).click();
    await page.getByRole('button', { name: /^Surprised/ }).click();
    await runToEnd(page, 2);
  }

  it.each(VIEWS)('every screen passes at %o in %s', async (size, theme) => {
    await page.setViewportSize(size);
    await setTheme(theme);
    const tail = theme === 'Light' ? '-light' : '';
    await check(`settings${tail}`);
    await goTo(page, 'Studio');
    await page.getByText('fits').first().waitFor({ state: 'attached' });
    await check(`studio${tail}`);
    await goTo(page, 'Models');
    await page.getByRole('rowheader', { name: 'FLUX' }).waitFor();
    await check(`models${tail}`);

    await goTo(page, 'Gallery');
    const list = page.getByRole('listbox', { name: 'Pictures' });
    await list.getByRole('option').nth(1).click();
    await page.getByRole('complementary').getByText('Identity by arcface').waitFor();
    await check(`gallery${tail}`);
    await list.focus();
    await page.keyboard.press('Enter');
    await page
      .getByText(/Difference from the reference: FLIP/)
      .first()
      .waitFor();
    for (const mode of ['Slider', 'Grid', 'Flicker', 'Difference']) {
      await page.getByText(mode, { exact: true }).click();
      if (mode === 'Flicker') await page.getByRole('button', { name: 'Stop automatic switching' }).click();
      if (mode === 'Difference') await page.getByText(/^mean \d/).waitFor();
      await check(`compare-${mode.toLowerCase()}${tail}`);
    }
    await page.getByText('Slider', { exact: true }).click();
    await goTo(page, 'Report');
    await page.getByText(/\| FLUX \| T5/).waitFor();
    await check(`report${tail}`);
  });

  it('dialogs and sheets pass too', async () => {
    await page.setViewportSize(SIZES[1]);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await check('shortcuts');
    await page.keyboard.press('Escape');
    await goTo(page, 'Gallery');
    await page.getByRole('button', { name: 'What can be searched' }).click();
    await check('search-help');
    await page.keyboard.press('Escape');
    await page.getByRole('listbox', { name: 'Pictures' }).getByRole('option').first().click();
    await page.getByRole('listbox', { name: 'Pictures' }).focus();
    await page.keyboard.press('t');
    await page.getByRole('dialog', { name: /^Tags of/ }).waitFor();
    await check('tags');
    await page.keyboard.press('Escape');
    await goTo(page, 'Settings');
    await page.getByRole('button', { name: 'Notices and licences' }).click();
    await check('notices');
    await page.keyboard.press('Escape');
  });

  it('a photo can be deleted with its face data, after a question', async () => {
    await goTo(page, 'Studio');
    await page.getByRole('button', { name: 'Delete this photo and its face data' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete Hana?' });
    await dialog.getByText(/pictures made with it stay in the gallery/).waitFor();
    await check('delete-photo');
    await dialog.getByRole('button', { name: 'Delete permanently' }).click();
    await page.getByRole('button', { name: 'Sample: Hana' }).waitFor();
    await page.getByText('Without an identity photo InfuseNet is not used').waitFor();
  });

  it('speaks another language at once, on every screen, and remembers it', async () => {
    const choice = page.locator('select:has(option[value=de])');
    await page.goto(`${app.host.base}#/settings`);
    await choice.selectOption('de');
    await page.locator('html[lang=de]').waitFor();
    const untranslated = Object.entries<Message>(english).flatMap(([id, text]) =>
      typeof text === 'string' && CATALOGUES.de[id as TextId] !== text ? [text] : [],
    );
    for (const screen of ['studio', 'compare', 'gallery', 'models', 'report', 'settings'] as const) {
      await page.locator(`nav a[href="#/${screen}"]`).click();
      const heading = { level: 1, name: String(CATALOGUES.de[`screen.${screen}`]) };
      await page.getByRole('heading', heading).waitFor({ state: 'attached' });
      await arrived();
      const english = await page.evaluate((texts) => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found: string[] = [];
        while (walker.nextNode() !== null) {
          const text = walker.currentNode.textContent?.trim() ?? '';
          if (texts.includes(text) && walker.currentNode.parentElement?.closest('[lang=en]') === null) found.push(text);
        }
        return found;
      }, untranslated);
      expect(english, screen).toEqual([]);
      // Long words need the small window.
      for (const size of COMPLETE ? SIZES : SIZES.slice(1)) {
        await page.setViewportSize(size);
        await check(`german-${screen}`);
      }
    }
    await page.reload();
    await page.locator('html[lang=de]').waitFor();
    await choice.selectOption('system');
    await page.locator('html[lang=en]').waitFor();
  });

  it('went without an error in the page', () => {
    expect(app.watched.problems).toEqual([]);
  });
});
