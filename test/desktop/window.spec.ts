/**
 * The app in Electron's own window: the checkout's, or the packed one that `LIKENESS_LAB_APP` names. A packed one must
 * have been made with the fuse `enableNodeCliInspectArguments` on, by which Playwright finds its way in.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BRIDGE_KEY, type Bridge } from '../../src-main/contract/bridge.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const packed = process.env['LIKENESS_LAB_APP'];

let folder: string;
let app: ElectronApplication | undefined;
let page: Page;
const problems: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-desktop-'));
  app = await _electron.launch({
    ...(packed === undefined ? { args: ['.'] } : { executablePath: packed, args: [] }),
    cwd: ROOT,
    // Linux takes the application data's folder from here; elsewhere the person's own gallery is opened.
    env: { ...(process.env as Record<string, string>), XDG_CONFIG_HOME: folder },
    timeout: 60_000,
  });
  page = await app.firstWindow();
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

const call = (method: 'system.info' | 'samples.list' | 'packs.list'): Promise<unknown> =>
  page.evaluate(async ([key, name]) => (globalThis as unknown as Record<string, Bridge>)[key]?.api[name]({}), [
    BRIDGE_KEY,
    method,
  ] as const);

describe('the window', () => {
  it('shows the studio, with nothing of Node in its page', async () => {
    await page.getByRole('heading', { level: 1, name: 'Studio' }).waitFor({ state: 'attached' });
    expect(await page.title()).toContain('Likeness Lab');
    expect(await page.evaluate(() => [typeof globalThis.process, 'require' in globalThis])).toEqual([
      'undefined',
      false,
    ]);
  });

  it('goes to every screen', async () => {
    for (const screen of ['Gallery', 'Models', 'Settings', 'Studio']) {
      await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: screen }).click();
      await page.getByRole('heading', { level: 1, name: screen }).waitFor({ state: 'attached' });
    }
  });

  it('is answered by the engine process, the database and the files that ship', async () => {
    expect(await call('system.info')).toMatchObject({ ok: true, value: { host: 'electron' } });
    expect(await call('samples.list')).toMatchObject({ ok: true });
    expect(await call('packs.list')).toMatchObject({ ok: true });
    if (packed !== undefined) expect(await app?.evaluate(({ app: electron }) => electron.isPackaged)).toBe(true);
  });

  it('reported no error', () => {
    expect(problems).toEqual([]);
  });
});
