/** The browser host on Windows: ended in the middle of a picture, started twice, and with a gallery that came back. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeApp, openApp, type OpenApp } from '../e2e/support/app.js';
import { quickAssets, startHost } from '../e2e/support/host.js';
import { fillStudio, goTo } from '../e2e/support/studio.js';
import { windowsOf } from './support/windows-host.js';

let app: OpenApp;
let page: Page;

beforeAll(async () => {
  app = await openApp(undefined, quickAssets);
  page = app.page;
});
afterAll(() => closeApp(app));

/** Engines of this test's Windows, by Linux' process ids. */
const engines = (): string[] => windowsOf(app.gallery).processes('engine.js');

describe('the host on Windows', { retry: 0 }, () => {
  it('refuses a second start on the same gallery', async () => {
    await expect(startHost(app.gallery)).rejects.toThrow(/Another process is using this gallery/);
  });

  it('ended in the middle of a picture keeps those that are done, and makes the rest when asked', async () => {
    await fillStudio(page, 6);
    await page.getByRole('button', { name: 'Make 3 pictures' }).click();
    await page.getByText('1 of 3 done').first().waitFor({ timeout: 90_000 });
    await page
      .getByText(/Denoising, step \d of 6/)
      .first()
      .waitFor({ timeout: 60_000 });
    expect(engines().length).toBeGreaterThan(0);
    await app.host.kill();
    await expect.poll(engines, { timeout: 15_000 }).toEqual([]);
    const host = await startHost(app.gallery);
    app = { ...app, host };
    await page.goto(host.url);
    await page.getByRole('button', { name: 'Make what is missing' }).click();
    await page.getByText('All 3 done').first().waitFor({ timeout: 120_000 });
    await goTo(page, 'Gallery');
    await page.getByRole('button', { name: 'Show pictures separately' }).click();
    await expect.poll(() => page.getByRole('listbox', { name: 'Pictures' }).getByRole('option').count()).toBe(3);
    const pictures = await readdir(join(app.gallery.folder, 'pictures'), { recursive: true });
    expect(pictures.filter((name) => name.endsWith('.png'))).toHaveLength(3);
    expect(pictures.filter((name) => name.includes('.tmp-'))).toEqual([]);
  });

  it('converted into the gallery’s folder, on its drive', async () => {
    expect((await stat(join(app.gallery.folder, 'cache'))).isDirectory()).toBe(true);
  });
});
