/**
 * The whole path of issue 4: one person, real Chromium, the real host and engine on the demo pack, no mocks. Every step
 * goes on where the last one ended, so none is tried twice.
 */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { closeApp, openApp, type OpenApp } from './support/app';
import { openPage } from './support/browser';
import { ON_WINDOWS, quickAssets, startHost } from './support/host';
import { saveFailure } from './support/screenshot';
import { fillStudio, goTo } from './support/studio';

let app: OpenApp;
let page: Page;

beforeAll(async () => {
  app = await openApp(undefined, ON_WINDOWS ? quickAssets : undefined);
  page = app.page;
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

afterAll(() => closeApp(app));

const stage = () => page.getByRole('group', { name: /^Pictures\. Plus/ });
const magnification = () => page.getByRole('status', { name: 'Magnification' }).innerText();
const tableRow = (name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });

describe('in the studio', { retry: 0 }, () => {
  it('takes the token out of the address', () => {
    expect(page.url()).toBe(app.host.base);
  });

  it('draws the face of a sample identity', async () => {
    await fillStudio(page);
    await page.getByRole('img', { name: /Hana, the identity photo/ }).waitFor();
    await page.locator('svg .chosen rect').first().waitFor();
    expect(await page.locator('svg .chosen path.line').count()).toBe(5);
  });

  it('estimates load and peak of three variants against free memory', async () => {
    expect(await page.getByRole('listitem', { name: /^Variant \d/ }).count()).toBe(3);
    await page.getByText('fits').nth(2).waitFor();
    const figure = page.getByRole('img', { name: /^Estimated memory\. Text: T5/ }).first();
    expect(await figure.getAttribute('aria-label')).toMatch(/Denoise: FLUX .*InfuseNet .*Activations .*peak/);
  });

  it('refuses what cannot be run, in a sentence', async () => {
    const prompt = page.getByRole('textbox', { name: 'Prompt' });
    const text = await prompt.inputValue();
    await prompt.fill('');
    await page.getByText('Write what the picture should show.').waitFor();
    expect(await page.getByRole('button', { name: /^Make \d/ }).isDisabled()).toBe(true);
    await prompt.fill(text);
  });

  it('runs, shows stage, step and preview, and cancels one', async () => {
    // Enough steps that even the stand-in pack's, which take milliseconds, are seen going by.
    await page.getByRole('spinbutton', { name: 'Steps' }).fill('12');
    await page.getByRole('button', { name: 'Make 3 pictures' }).click();
    await page.getByRole('button', { name: 'Cancel INT8 + InfuseNet NF4' }).click();
    await page
      .getByText(/Denoising, step \d+ of 12/)
      .first()
      .waitFor();
    await page.getByRole('img', { name: /^Preview of/ }).waitFor();
    expect(await page.getByRole('progressbar', { name: /^Comparison/ }).getAttribute('aria-valuenow')).toMatch(/^\d+$/);
    await page.getByText('2 of 3 done, 1 cancelled').waitFor({ timeout: 120_000 });
  });

  it('makes what was cancelled when it is asked to', async () => {
    await page.getByRole('button', { name: 'Make what is missing' }).click();
    await page.getByText('All 3 done').waitFor({ timeout: 120_000 });
  });
});

describe('in the comparison', { retry: 0 }, () => {
  it('moves the divider by keyboard and says where it is', async () => {
    await page.getByRole('button', { name: 'Compare 3 pictures' }).click();
    const divider = page.getByRole('slider', { name: /^Divider between All 16-bit and/ });
    await divider.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    expect(await divider.getAttribute('aria-valuetext')).toBe('All 16-bit 48 percent, All INT8 52 percent');
    await page.keyboard.press('End');
    expect(await divider.inputValue()).toBe('100');
    await page.keyboard.press('Home');
    expect(await divider.inputValue()).toBe('0');
    await page.keyboard.press('PageUp');
    expect(await divider.inputValue()).toBe('10');
  });

  it('keeps zoom and place through all ways of comparing', async () => {
    await stage().focus();
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    const zoomed = await magnification();
    for (const mode of ['grid', 'flicker', 'difference', 'slider']) {
      await page.keyboard.press('m');
      await page
        .getByRole('radio', { name: new RegExp(mode, 'i') })
        .and(page.locator(':checked'))
        .waitFor();
      expect(await magnification()).toBe(zoomed);
    }
    await page.keyboard.press('1');
    expect(await magnification()).toBe('100 %');
    await page.keyboard.press('f');
    await expect.poll(magnification).not.toBe('100 %');
    await page.keyboard.press('0');
  });

  it('zooms with the wheel around the pointer and pans by dragging', async () => {
    const box = await stage().boundingBox();
    if (box === null) throw new Error('The stage is not there.');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    for (let turn = 0; turn < 3; turn++) {
      const before = await magnification();
      await page.mouse.wheel(0, -400);
      await expect.poll(magnification).not.toBe(before);
    }
    const picture = page.getByRole('img', { name: /^Picture made with/ }).first();
    const at = await picture.boundingBox();
    await page.mouse.move(x + 120, y + 80);
    await page.mouse.down();
    await page.mouse.move(x + 70, y + 50, { steps: 4 });
    await page.mouse.up();
    const moved = async (): Promise<number[]> => {
      const now = await picture.boundingBox();
      return [Math.round((now?.x ?? 0) - (at?.x ?? 0)), Math.round((now?.y ?? 0) - (at?.y ?? 0))];
    };
    await expect.poll(moved).toEqual([-50, -30]);
    await stage().focus();
    await page.keyboard.press('0');
  });

  it('reads both colours under the pointer, and by keyboard', async () => {
    await stage().focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.getByText(/^\d+, \d+$/).waitFor();
    await page.getByText(/^Δ \d+$/).waitFor();
    expect(await page.locator('.probe .value').count()).toBe(2);
  });

  it('shows the heat map with its scale', async () => {
    await page.getByText('Difference', { exact: true }).click();
    const map = page.getByRole('img', { name: 'Heat map of the difference of All INT8' });
    await map.waitFor();
    await expect.poll(() => map.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(256);
    await page.getByText(/^mean \d/).waitFor();
  });

  it('goes through the saved steps', async () => {
    await page.getByText('Slider', { exact: true }).click();
    const steps = page.getByRole('slider', { name: 'Steps' });
    await steps.focus();
    await page.keyboard.press('Home');
    await page.getByText(/^Step \d+ of 12$/).waitFor();
    await page.keyboard.press('End');
    await page.getByText('Finished', { exact: true }).waitFor();
  });

  it('tells measured differences from the chosen reference', async () => {
    await page.getByText(/^All INT8: peak .*Difference from the reference: FLIP/).waitFor();
    expect(await tableRow('All INT8').innerText()).toMatch(/dB/);
    await page.getByRole('radio', { name: 'All INT8 on the left, Δ against it' }).check();
    await page.getByText(/^All 16-bit: peak .*Difference from the reference: FLIP/).waitFor();
    await page.getByRole('radio', { name: 'All 16-bit on the left, Δ against it' }).check();
  });

  it('rates a picture', async () => {
    await tableRow('INT8 + InfuseNet NF4').getByRole('button', { name: '4 stars' }).click();
    await expect
      .poll(() =>
        tableRow('INT8 + InfuseNet NF4').getByRole('button', { name: '4 stars' }).getAttribute('aria-pressed'),
      )
      .toBe('true');
  });

  it('saves the report', async () => {
    await page.getByRole('button', { name: 'Export' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Report as Markdown' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/\.md$/);
    expect(await readFile(await download.path(), 'utf8')).toContain('| FLUX | T5 | InfuseNet | Load GiB |');
    await page.getByRole('button', { name: 'Export' }).click();
    const [sheet] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Contact sheet as PNG' }).click(),
    ]);
    const { width } = await sharp(await sheet.path()).metadata();
    expect(width).toBe(640);
  });
});

describe('in the gallery', { retry: 0 }, () => {
  const list = () => page.getByRole('listbox', { name: 'Pictures' });
  const options = () => list().getByRole('option');

  it('finds the picture by its formats and rating', async () => {
    await goTo(page, 'Gallery');
    await page.getByRole('combobox', { name: 'Search the gallery' }).fill('infusenet:nf4 stars>=4');
    await page.keyboard.press('Escape');
    await expect.poll(() => options().count()).toBe(1);
    await page.getByRole('combobox', { name: 'Search the gallery' }).fill('stars:5');
    await page.getByText('Nothing matches').waitFor();
    await page.getByRole('button', { name: 'Clear the search', exact: true }).first().click();
  });

  it('explains a search that it does not understand', async () => {
    const box = page.getByRole('combobox', { name: 'Search the gallery' });
    await box.fill('flux:huge ');
    await page.getByText(/flux cannot be "huge"/).waitFor();
    await box.fill('');
  });

  it('rates, tags and trashes by keyboard, and takes it back', async () => {
    await page.getByRole('button', { name: 'Show pictures separately' }).click();
    await expect.poll(() => options().count()).toBe(3);
    await list().focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('5');
    await list()
      .getByRole('option', { name: /, 5 stars,/ })
      .waitFor();
    await page.keyboard.press('t');
    await page
      .getByRole('textbox', { name: 'Add' })
      .or(page.getByRole('combobox', { name: 'Add' }))
      .fill('favourite');
    await page.keyboard.press('Enter');
    await page.getByRole('list', { name: 'Tags', exact: true }).getByText('favourite').waitFor();
    await list().focus();
    await page.keyboard.press('Delete');
    await expect.poll(() => options().count()).toBe(2);
    await list().focus();
    await page.keyboard.press('Control+z');
    await expect.poll(() => options().count()).toBe(3);
  });

  it('puts back from the trash', async () => {
    await list().focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Delete');
    await expect.poll(() => options().count()).toBe(2);
    await page.getByRole('button', { name: 'Trash (1)' }).click();
    const trash = page.getByRole('listbox', { name: 'Pictures in the trash' });
    // A key that comes before the list does selects nothing.
    await trash.getByRole('option').first().waitFor();
    await trash.focus();
    await page.keyboard.press('Home');
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.getByText('The trash is empty').waitFor();
    await page.getByRole('button', { name: 'Back to the gallery' }).click();
    await expect.poll(() => options().count()).toBe(3);
  });

  it('shows metadata without touching the form, and uses it when asked', async () => {
    await options().filter({ hasText: 'INT8 + InfuseNet NF4' }).click();
    await page.getByRole('complementary').getByText('FLUX INT8, T5 INT8, InfuseNet NF4').waitFor();
    await page.getByRole('button', { name: 'Find them' }).click();
    await page.getByRole('button', { name: 'Compare 2 pictures' }).waitFor();
    await page.getByRole('button', { name: 'Use these settings' }).click();
    await page.getByRole('heading', { level: 1, name: 'Studio' }).waitFor({ state: 'attached' });
    expect(await page.getByRole('listitem', { name: /^Variant \d/ }).count()).toBe(1);
    expect(await page.getByRole('spinbutton', { name: 'Steps' }).inputValue()).toBe('12');
  });

  it('reads the settings out of a picture file', async () => {
    await goTo(page, 'Gallery');
    await options().first().click();
    await page.getByRole('button', { name: 'Save the picture' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'PNG with settings' }).click(),
    ]);
    await page.getByLabel('Picture file to read settings from').setInputFiles(await download.path());
    const dialog = page.getByRole('dialog', { name: 'Settings in this picture' });
    await dialog.getByText('Written by Likeness Lab.').waitFor();
    await dialog.getByText('256×256').first().waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  });
});

describe('after a restart', { retry: 0 }, () => {
  it('says that the host is gone, and finds everything again', async () => {
    expect(app.watched.problems).toEqual([]);
    await app.host.stop();
    await page.getByText('The app does not respond').waitFor();
    await app.watched.close();
    const host = await startHost(app.gallery);
    const watched = await openPage(app.browser);
    app = { ...app, host, watched, page: watched.page };
    page = app.page;
    await page.goto(host.url);
    await goTo(page, 'Gallery');
    const search = page.getByRole('combobox', { name: 'Search the gallery' });
    await search.fill('tag:favourite stars:5');
    await expect
      .poll(() =>
        page
          .getByRole('option')
          .filter({ has: page.locator('.picture') })
          .count(),
      )
      .toBe(1);
    await search.fill('');
  });

  it('repeats a picture and gets the identical one', async () => {
    const list = page.getByRole('listbox', { name: 'Pictures' });
    await page.getByRole('button', { name: 'Show pictures separately' }).click();
    const original = list.getByRole('option').filter({ hasText: 'INT8 + InfuseNet NF4' });
    await original.click();
    await page.getByRole('button', { name: 'Repeat', exact: true }).click();
    await expect.poll(() => list.getByRole('option').count(), { timeout: 120_000 }).toBe(4);
    await list.getByRole('option').filter({ hasText: 'INT8 + InfuseNet NF4' }).first().click();
    await list
      .getByRole('option')
      .filter({ hasText: 'INT8 + InfuseNet NF4' })
      .nth(1)
      .click({ modifiers: ['Control'] });
    await page.getByRole('toolbar', { name: 'Chosen pictures' }).getByRole('button', { name: 'Compare' }).click();
    await page.getByText(/the picture is identical/).waitFor();
  });

  it('went without an error in the page', () => {
    expect(app.watched.problems).toEqual([]);
  });
});
