/** The guided comparison of the first start: offered, made by the real engine, seen side by side, hinted at, gone. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { axeViolations } from './support/axe';
import { closeApp, openApp, type OpenApp } from './support/app';
import { openPage } from './support/browser';
import { startHost } from './support/host';
import { saveFailure, saveScreenshot } from './support/screenshot';
import { goTo } from './support/studio';

let app: OpenApp;
let page: Page;

beforeAll(async () => {
  // The demo pack: the stand-in's three pictures can be there before the page was reloaded.
  app = await openApp();
  page = app.page;
  await offer().waitFor();
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

afterAll(() => closeApp(app));

const offer = () => page.getByRole('region', { name: 'See what quantization does: one portrait, three formats' });
const hint = () => page.getByRole('region', { name: 'Hint' });

/** For what takes a moment, and longer where other programs run. */
const PATIENT = { timeout: 30_000 };

const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());

/** Whether every picture of the stage has come. */
const pairIsDrawn = () =>
  page.evaluate(() => {
    const images = [...document.querySelectorAll<HTMLImageElement>('main [role=group] img')];
    return images.length >= 2 && images.every((image) => image.complete && image.naturalWidth === 256);
  });

describe('the first start', { retry: 0 }, () => {
  it('offers the guided comparison beside a form that stays as it is', async () => {
    expect(await offer().innerText()).toContain('with the same seed');
    expect(await page.getByRole('textbox', { name: 'Prompt' }).inputValue()).toBe('');
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'guide-offer-1440');
    await page.setViewportSize({ width: 1024, height: 700 });
    await saveScreenshot(page, 'guide-offer-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('makes three formats by keyboard, with a line about each, and finds itself again after a reload', async () => {
    await page.getByRole('button', { name: 'Draw all three' }).press('Enter');
    await expect.poll(() => offer().getByRole('listitem').count(), PATIENT).toBe(3);
    await expect.poll(focused, PATIENT).toBe('Stop');
    await offer().getByText('Noise, the same for every format').waitFor({ timeout: 60_000 });
    await offer()
      .getByRole('img', { name: /^Preview of/ })
      .waitFor();
    await page.reload();
    await expect.poll(() => offer().getByRole('listitem').count(), PATIENT).toBe(3);
    await saveScreenshot(page, 'guide-running-1440');
    expect(await axeViolations(page)).toEqual([]);
    await page.setViewportSize({ width: 1024, height: 700 });
    await saveScreenshot(page, 'guide-running-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('ends in the side-by-side of the first and the last format', { timeout: 240_000 }, async () => {
    await page.getByRole('slider', { name: 'Divider between All 16-bit and All NF4' }).waitFor({ timeout: 200_000 });
    await expect.poll(pairIsDrawn, PATIENT).toBe(true);
    await page.getByText(/^All NF4: peak .*Difference from the reference: FLIP/).waitFor();
    const rows = page.getByRole('rowheader');
    expect(await rows.allInnerTexts()).toEqual(['All 16-bit', 'All INT8', 'All NF4']);
    const seeds = await page.evaluate(async () => {
      const id = location.hash.split('/').at(-1);
      const answer = await fetch('/api/comparisons.get', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ comparisonId: id }),
      });
      const { value } = (await answer.json()) as { value: { runs: { seed: number }[] } };
      return value.runs.map((run) => run.seed);
    });
    expect(new Set(seeds).size, 'one seed').toBe(1);
  });

  it('gives three hints, which go for good', async () => {
    await hint().getByText('All 16-bit on its left, All NF4 on its right').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await saveScreenshot(page, 'guide-hint-1440');
    await expect.poll(focused, PATIENT).toBe('Next');
    await page.keyboard.press('Enter');
    await hint().getByRole('button', { name: 'Show the difference' }).click();
    await page.getByRole('img', { name: 'Heat map of the difference of All NF4' }).waitFor();
    await saveScreenshot(page, 'guide-hint-difference-1440');
    await hint().getByRole('button', { name: 'Next' }).click();
    await hint().getByText('what each format costs').waitFor();
    await page.setViewportSize({ width: 1024, height: 700 });
    await saveScreenshot(page, 'guide-hint-table-1024');
    await page.setViewportSize({ width: 1440, height: 900 });
    await hint().getByRole('button', { name: 'Got it' }).click();
    await hint().waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('rowheader').first().waitFor();
    expect(await hint().count()).toBe(0);
    await goTo(page, 'Studio');
    await page.getByRole('textbox', { name: 'Prompt' }).waitFor();
    expect(await offer().count()).toBe(0);
  });
});

describe('afterwards', { retry: 0 }, () => {
  it('is offered again from the settings and from the help, with the focus on its button', async () => {
    await goTo(page, 'Settings');
    await page.getByRole('button', { name: 'Start the guided comparison' }).click();
    await offer().waitFor();
    await expect.poll(focused, PATIENT).toBe('Draw all three');
    await offer().getByRole('button', { name: 'Not now' }).click();
    await offer().waitFor({ state: 'detached' });
    await page.getByText('can be started from the settings at any time').first().waitFor();
    await goTo(page, 'Gallery');
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByRole('button', { name: 'Start the guided comparison' }).click();
    await offer().waitFor();
  });

  it('can be stopped, and says by a notice when it ended on another screen', { timeout: 240_000 }, async () => {
    await offer().getByRole('button', { name: 'Draw all three' }).click();
    await offer().getByRole('button', { name: 'Stop' }).click();
    await offer().waitFor({ state: 'detached' });
    await goTo(page, 'Settings');
    await page.getByRole('button', { name: 'Start the guided comparison' }).click();
    await offer().getByRole('button', { name: 'Draw all three' }).click();
    await expect.poll(() => offer().getByRole('listitem').count(), PATIENT).toBe(3);
    await goTo(page, 'Models');
    await page.getByRole('button', { name: 'See it side by side' }).click({ timeout: 200_000 });
    await page.getByRole('slider', { name: 'Divider between All 16-bit and All NF4' }).waitFor();
    await hint().getByRole('button', { name: 'No more hints' }).click();
    await hint().waitFor({ state: 'detached' });
  });

  it('is not offered to whoever said no, also by a new host on the same gallery', async () => {
    expect(app.watched.problems).toEqual([]);
    await app.host.stop();
    await app.watched.close();
    const host = await startHost(app.gallery);
    const watched = await openPage(app.browser);
    app = { ...app, host, watched, page: watched.page };
    page = app.page;
    await page.goto(host.url);
    await page.getByRole('textbox', { name: 'Prompt' }).waitFor();
    expect(await offer().count()).toBe(0);
    expect(app.watched.problems).toEqual([]);
  });
});
