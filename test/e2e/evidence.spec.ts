/** What a comparison over several seeds says, a blind test by keyboard, and the report in every form. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { LOSSY_FORMATS } from '../../src-main/contract/formats';
import { assetsWithSecondEncoder } from '../support/recognition-model';
import { axeViolations } from './support/axe';
import { closeApp, openApp, type OpenApp } from './support/app';
import { quickAssets } from './support/host';
import { saveFailure, saveScreenshot } from './support/screenshot';
import { fillStudio, goTo, runToEnd } from './support/studio';

let app: OpenApp;
let page: Page;

beforeAll(async () => {
  app = await openApp(undefined, (folder) => assetsWithSecondEncoder(folder, quickAssets));
  page = app.page;
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});
afterAll(() => closeApp(app));

const row = (name: string) =>
  page.getByRole('region', { name: 'Measurements by variant' }).getByRole('row').filter({ hasText: name });

describe('a sweep over seeds', { retry: 0 }, () => {
  it('is made from one form', async () => {
    await fillStudio(page, 2);
    await page.getByRole('button', { name: 'Keep only row 1' }).click();
    await page.getByRole('button', { name: 'All NF4' }).click();
    await page.getByRole('spinbutton', { name: 'Seeds' }).fill('2');
    await page.getByRole('spinbutton', { name: 'Repeats' }).fill('2');
    await page.getByText('2 variants × 2 seeds × 2 repeats').waitFor();
    await runToEnd(page, 8);
  });

  it('is summed up by variant, with its uncertainty and noise floor', async () => {
    await goTo(page, 'Compare');
    await page.getByText(/^All NF4: peak .*over 2 seeds\..*repeating the same settings gives none\.$/).waitFor();
    expect(await row('All NF4').innerText()).toMatch(/\d\.\d{3}\s± \d\.\d{3}/);
    await row('All NF4').getByText('repeats are identical: noise floor 0').waitFor({ state: 'attached' });
    await page.getByText(/identity \S+ ± \S+ by arcface, \S+ ± \S+ by linear_r1 over 2 seeds\./).waitFor();
    await page.setViewportSize({ width: 1024, height: 700 });
    await saveScreenshot(page, 'compare-sweep-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByText('By picture', { exact: true }).click();
    const pictures = page.getByRole('region', { name: 'Measurements', exact: true });
    expect(await pictures.getByRole('columnheader', { name: /^Identity/ }).allInnerTexts()).toEqual([
      expect.stringContaining('arcface'),
      expect.stringContaining('linear_r1'),
    ]);
    const titles = await pictures
      .getByRole('columnheader', { name: /^Identity/ })
      .evaluateAll((heads) => heads.map((head) => head.getAttribute('title')));
    expect(titles).toEqual([
      expect.stringContaining('this score is circular'),
      expect.stringContaining('this score is independent'),
    ]);
    await saveScreenshot(page, 'compare-pictures-1440');
    await page.getByRole('radio', { name: 'All NF4, seed 43, repeat 1 on the right' }).check();
    // The reference of the same seed comes to the left by itself.
    expect(
      await page.getByRole('radio', { name: 'All 16-bit, seed 43, repeat 1 on the left, Δ against it' }).isChecked(),
    ).toBe(true);
    await page.getByText('By variant', { exact: true }).click();
    await saveScreenshot(page, 'compare-sweep-1440');
    expect(await axeViolations(page)).toEqual([]);
  });
});

describe('under the pictures', { retry: 0 }, () => {
  it('is the drift of the latents, step by step', async () => {
    await page.getByText('Drift', { exact: true }).click();
    const drift = page.getByRole('region', { name: 'Drift of the latents' });
    expect(await drift.getByRole('row').filter({ hasText: 'All NF4' }).innerText()).toMatch(/[\d.]+ %\s+[\d.]+ %/);
    // Against another variant: the first is now one that drifts, and its picture is on the left.
    const last = async (name: string) =>
      (await drift.getByRole('row').filter({ hasText: name }).locator('td').last().innerText()).trim();
    const forth = Number.parseFloat(await last('All NF4'));
    await drift.getByRole('radio', { name: 'Drift against All NF4' }).check();
    await drift.getByRole('row').filter({ hasText: 'All NF4' }).getByText('Reference').waitFor();
    const back = Number.parseFloat(await last('All 16-bit'));
    // As far there as back, over lengths that are nearly the same.
    expect(Math.abs(back / forth - 1)).toBeLessThan(0.1);
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'compare-drift-1440');
    await page.setViewportSize({ width: 1024, height: 700 });
    await saveScreenshot(page, 'compare-drift-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
    await drift.getByRole('radio', { name: 'Drift against All 16-bit' }).check();
    await drift.getByRole('row').filter({ hasText: 'All 16-bit' }).getByText('Reference').waitFor();
  });

  it('is what each format does to the layers of InfuseNet', async () => {
    await page.getByText('Layers', { exact: true }).click();
    const layers = page.getByRole('group', { name: /^\d+ layers, arrow keys to read them$/ });
    await layers.getByRole('rowheader', { name: 'INT8' }).waitFor({ timeout: 60_000 });
    expect(await layers.getByRole('rowheader').allInnerTexts()).toEqual(
      expect.arrayContaining(['INT8', 'FP8', 'INT4', 'NF4']),
    );
    await layers.focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText(/ weights:\s+Q8_0 /).waitFor();
    expect(await page.getByText(/ weights:\s+Q8_0 /).innerText()).toMatch(/^transformer_blocks\.0\./);
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'compare-layers-1440');
  });

  it('… and to what they give in the reference, measured when asked for', async () => {
    await page.getByText('Outputs', { exact: true }).click();
    await page.getByText(/^Not measured yet for /).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Measure' }).click();
    const layers = page.getByRole('group', { name: /^\d+ layers, arrow keys to read them$/ });
    await layers.getByRole('rowheader', { name: 'INT8' }).waitFor({ timeout: 120_000 });
    const shares = await layers.getByRole('row').locator('td:first-of-type').allInnerTexts();
    expect(shares).toHaveLength(LOSSY_FORMATS.length);
    for (const share of shares) expect(share).toMatch(/^[\d.]+ %$/);
    await saveScreenshot(page, 'compare-layer-outputs-1440');
  });

  it('a mix by those errors joins the comparison, and its pictures stand beside the uniform formats', async () => {
    await page.getByRole('button', { name: 'Mix within a budget' }).click();
    const mix = page.getByRole('region', { name: 'Mix for InfuseNet' });
    await mix.getByText(/ × .* of weights\. In one format: NF4 /).waitFor({ timeout: 60_000 });
    const layers = page.getByRole('group', { name: /^\d+ layers, arrow keys to read them$/ });
    expect(await layers.getByRole('rowheader').last().innerText()).toMatch(/^Auto [\d.]+ [KM]iB by outputs$/);
    await mix.getByRole('spinbutton').fill('0.01');
    await page.keyboard.press('Enter');
    await page
      .getByText(/ needs at least [\d.]+ MiB in its smallest formats/)
      .first()
      .waitFor({ timeout: 60_000 });
    await mix.getByRole('spinbutton').fill('0.2');
    await page.keyboard.press('Enter');
    await layers.getByRole('rowheader', { name: 'Auto 0.2 MiB by outputs' }).waitFor({ timeout: 60_000 });
    await layers.focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText(/^In the mix: /).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'compare-mix-1440');
    await page.setViewportSize({ width: 1024, height: 700 });
    await saveScreenshot(page, 'compare-mix-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
    await mix.getByRole('button', { name: 'Add to the comparison' }).click();
    await page.getByText('Added as a variant: 4 pictures are being made.').first().waitFor();
    await page.getByText('By variant', { exact: true }).click();
    const added = row('Auto 0.2 MiB by outputs');
    await added.waitFor({ timeout: 120_000 });
    await added.getByText('repeats are identical: noise floor 0').waitFor({ state: 'attached', timeout: 120_000 });
    await saveScreenshot(page, 'compare-mix-added-1440');
  });

  it('the studio offers that measurement for the budget of a mix', async () => {
    await goTo(page, 'Studio');
    const variant = page.getByRole('listitem', { name: /^Variant 1/ });
    await variant.getByText('Auto', { exact: true }).last().click();
    const by = variant.getByRole('combobox', { name: 'Budget basis of InfuseNet in variant 1' });
    await by.getByRole('option', { name: /^By outputs: seed 4\d, A portrait/ }).waitFor({ state: 'attached' });
    await by.selectOption({ index: 1 });
    await variant.getByText('Auto', { exact: true }).first().click();
    const flux = variant.getByRole('combobox', { name: 'Budget basis of FLUX in variant 1' });
    await flux.getByRole('option', { name: 'By outputs: not measured yet' }).waitFor({ state: 'attached' });
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'studio-mix-1440');
    await page.setViewportSize({ width: 1024, height: 700 });
    await variant.scrollIntoViewIfNeeded();
    await saveScreenshot(page, 'studio-mix-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
    await goTo(page, 'Compare');
  });
});

describe('a blind test', { retry: 0 }, () => {
  it('hides names and order, and is answered by keyboard', async () => {
    await page.getByRole('button', { name: 'Blind test' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Blind test' });
    await dialog.getByText('Can you tell All NF4 from the reference').waitFor();
    await dialog.getByRole('spinbutton', { name: 'Trials' }).fill('7');
    await dialog.getByRole('button', { name: 'Start' }).press('Enter');
    await page.getByText('Trial 1 of 7').waitFor();
    await page.getByRole('img', { name: 'Picture X' }).waitFor();
    const shown = await page.getByRole('main').innerHTML();
    expect(shown).not.toMatch(/nf4|16-bit|reference|seed|picture\/result/i);
    expect(await page.getByRole('img', { name: /^Picture [ABX]$/ }).count()).toBe(3);
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'blind-1440');

    await page.keyboard.press('v');
    await page.keyboard.press(' ');
    await page.getByRole('img', { name: 'Picture X' }).waitFor();
    expect(await page.getByRole('img', { name: /^Picture [ABX]$/ }).count()).toBe(1);
    await page.keyboard.press('a');
    await page.getByText('Trial 2 of 7').waitFor();
    await page.getByRole('img', { name: 'Picture A' }).waitFor();
    await page.keyboard.press('u');
    await page.getByText('Trial 1 of 7').waitFor();
    for (let trial = 2; trial <= 8; trial += 1) {
      await page.getByRole('img', { name: 'Picture A' }).waitFor();
      await page.keyboard.press('b');
      if (trial < 8) await page.getByText(`Trial ${trial} of 7`).waitFor();
    }
    await page.getByText(/^\d of 7 right: .*\(p [=<] .*\)\.$/).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'blind-result-1440');
  });

  it('is kept with the pictures', async () => {
    await page.getByRole('button', { name: 'Close' }).click();
    await page.reload();
    await page.getByRole('button', { name: 'Blind test' }).click();
    const dialog = page.getByRole('dialog', { name: 'Blind test' });
    await dialog.getByText(/\d of 7 right/).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
  });
});

describe('the report', { retry: 0 }, () => {
  it('is saved as one page with the pictures inside', async () => {
    await goTo(page, 'Report');
    await page.getByText('HTML', { exact: true }).click();
    await page.getByText(/^One page with all pictures inside/).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save' }).click(),
    ]);
    const html = await readFile(await download.path(), 'utf8');
    // Three variants × two seeds, and heat maps of the four that are no reference.
    expect(html.match(/<img src="data:image\/webp/g)).toHaveLength(10);
    expect(html).toMatch(/<h2>All NF4<\/h2>\n<p>All NF4: peak/);
    await page.getByText('Contact sheet', { exact: true }).click();
    await page.getByRole('img', { name: /^Contact sheet/ }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'report-sheet-1440');
  });

  it('went without an error in the page', () => {
    expect(app.watched.problems).toEqual([]);
  });
});
