/** Everything without a pointer, and with less motion. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { closeApp, openApp, type OpenApp } from './support/app';
import { quickAssets } from './support/host';
import { saveFailure } from './support/screenshot';

let app: OpenApp;
let page: Page;

beforeAll(async () => {
  app = await openApp({ viewport: { width: 1024, height: 700 }, reducedMotion: 'reduce' }, quickAssets);
  page = app.page;
  await page.getByRole('textbox', { name: 'Prompt' }).waitFor();
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

afterAll(() => closeApp(app));

/** Name of the focused element, as a screen reader would say it. */
async function focusedName(): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement)) return '';
    const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : null;
    return (element.getAttribute('aria-label') ?? label ?? element.textContent ?? '').trim();
  });
}

/** Presses Tab until the focus is on something with this name. */
async function tabTo(name: RegExp, limit = 120): Promise<void> {
  for (let press = 0; press < limit; press++) {
    await page.keyboard.press('Tab');
    if (name.test(await focusedName())) return;
  }
  throw new Error(`Tab never came to ${String(name)}.`);
}

describe('without a pointer', () => {
  it('begins with a way past the navigation', async () => {
    await page.keyboard.press('Tab');
    expect(await focusedName()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await focusedName()).toMatch(/^Choose the identity photo/);
  });

  it('fills the form and runs', async () => {
    await tabTo(/^Sample: Kaya/);
    await page.keyboard.press('Enter');
    await page.getByText(/is taken as the face|face found/).waitFor();
    await tabTo(/^Prompt$/);
    await page.keyboard.type('A portrait of a person laughing');
    await tabTo(/^Steps/);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('3');
    await tabTo(/^Remove variant 3/);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+Enter');
    await page.getByText('All 2 done').waitFor({ timeout: 120_000 });
  });

  it('changes a variant with the arrow keys', async () => {
    await page.getByRole('radio', { name: 'InfuseNet in INT8' }).and(page.locator(':checked')).focus();
    await page.keyboard.press('ArrowRight');
    expect(await focusedName()).toBe('InfuseNet in NF4');
    await page.getByRole('listitem', { name: 'Variant 2: INT8 + InfuseNet NF4' }).waitFor();
  });

  it('told a screen reader how it went', async () => {
    expect(
      await page
        .getByRole('status')
        .filter({ hasText: /finished|queue is empty/ })
        .count(),
    ).toBe(1);
  });

  it('reaches every screen by its key', async () => {
    for (const [key, screen] of ['Studio', 'Compare', 'Gallery', 'Models', 'Report', 'Settings'].entries()) {
      await page.keyboard.press(`Alt+${key + 1}`);
      await page.getByRole('heading', { level: 1, name: screen }).waitFor({ state: 'attached' });
    }
  });

  it('keeps the focus inside a dialog and gives it back', async () => {
    await page.getByRole('button', { name: 'Notices and licences' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    for (let press = 0; press < 6; press++) {
      await page.keyboard.press('Tab');
      const where = await page.evaluate(
        () => document.activeElement?.closest('dialog') !== null || document.activeElement === document.body,
      );
      expect(where).toBe(true);
    }
    await page.keyboard.press('Escape');
    expect(await focusedName()).toBe('Notices and licences');
  });

  it('shows where the focus is, on every control of the studio', async () => {
    await page.keyboard.press('Alt+1');
    const bare = await page.evaluate(async () => {
      const names: string[] = [];
      const controls = document.querySelectorAll<HTMLElement>(
        'main button, main input, main select, main textarea, main a',
      );
      for (const control of controls) {
        if (control.tabIndex < 0 || control.matches(':disabled')) continue;
        control.focus({ focusVisible: true } as FocusOptions);
        const next = control.nextElementSibling;
        const rings = [control, next, control.closest('search')].map((node) =>
          node === null ? 'none' : getComputedStyle(node).outlineStyle,
        );
        if (rings.every((style) => style === 'none')) names.push(control.outerHTML.slice(0, 120));
      }
      return names;
    });
    expect(bare).toEqual([]);
  });
});

describe('with less motion', () => {
  it('does not flicker by itself, and changes by hand', async () => {
    await page.keyboard.press('Alt+2');
    await page.getByText('Flicker', { exact: true }).click();
    await page.getByText('No automatic switching').waitFor();
    const caption = page.locator('figcaption');
    const before = await caption.innerText();
    await page.waitForTimeout(1500);
    expect(await caption.innerText()).toBe(before);
    await page.getByRole('group', { name: /^Pictures\. Plus/ }).focus();
    await page.keyboard.press('Space');
    expect(await caption.innerText()).not.toBe(before);
  });

  it('went without an error in the page', () => {
    expect(app.watched.problems).toEqual([]);
  });
});
