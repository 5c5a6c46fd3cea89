/** Memory and time by phase under the pictures, and the graphics card in the settings. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { axeViolations } from './support/axe';
import { closeApp, openApp, type OpenApp } from './support/app';
import { quickAssets } from './support/host';
import { saveFailure, saveScreenshot } from './support/screenshot';
import { fillStudio, goTo, runToEnd } from './support/studio';

let app: OpenApp;
let page: Page;

beforeAll(async () => {
  app = await openApp(undefined, quickAssets);
  page = app.page;
});
beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});
afterAll(() => closeApp(app));

const A_DIFFERENCE = /[−+]\d/;

describe('memory by phase', { retry: 0 }, () => {
  it('stands by variant against a baseline of choice', async () => {
    await fillStudio(page, 2);
    await page.getByRole('button', { name: 'Keep only row 1' }).click();
    await page.getByRole('button', { name: 'All NF4' }).click();
    await runToEnd(page, 2);
    await goTo(page, 'Compare');
    await page.getByText('Memory', { exact: true }).click();
    const table = page.getByRole('region', { name: 'Memory and time by phase' });
    const row = (name: string) => table.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) });
    await row('All NF4').waitFor();
    // Load, peak, and a figure with its seconds for each of the four phases.
    expect((await row('All 16-bit').innerText()).match(/[KMG]iB/g)).toHaveLength(6);
    expect((await row('All 16-bit').innerText()).match(/\d s/g)).toHaveLength(5);
    expect(await row('All 16-bit').innerText()).not.toMatch(A_DIFFERENCE);
    expect(await row('All NF4').innerText()).toMatch(A_DIFFERENCE);
    await saveScreenshot(page, 'compare-memory-1440');
    await table.getByRole('radio', { name: 'All NF4 as the baseline' }).check();
    expect(await row('All 16-bit').innerText()).toMatch(A_DIFFERENCE);
    expect(await row('All NF4').innerText()).not.toMatch(A_DIFFERENCE);
    expect(await axeViolations(page)).toEqual([]);
  });

  it('fits a small window', async () => {
    await page.setViewportSize({ width: 1024, height: 700 });
    await saveScreenshot(page, 'compare-memory-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
  });
});

describe('the graphics card', { retry: 0 }, () => {
  it('can be chosen, and is seen where another one than the first is', async () => {
    await goTo(page, 'Settings');
    const field = page.getByRole('spinbutton', { name: 'Graphics card' });
    // Where cuda or dml is here it is there from the start; else only when it was chosen elsewhere.
    await page.evaluate(async () => {
      const body = JSON.stringify({ deviceId: 1 });
      await fetch('/api/settings.set', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    });
    await field.waitFor();
    expect(await field.inputValue()).toBe('1');
    await saveScreenshot(page, 'settings-device-1440');
    expect(await axeViolations(page)).toEqual([]);
    await field.fill('0');
  });

  it('went without an error in the page', () => {
    expect(app.watched.problems).toEqual([]);
  });
});
