/** Settings: converted weights move to another drive, interrupted by a pause and by the end of the app, and go on. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { axeViolations } from './support/axe';
import { closeApp, openApp, type OpenApp } from './support/app';
import { quickAssets, startHost, type HostExtras } from './support/host';
import { saveFailure } from './support/screenshot';
import { goTo } from './support/studio';

const PIECE = 8 * 2 ** 20;
const PIECES = 8;
const NAME = 'flux.nf4.f32.aa.bb.v1.weights';

/** Makes another drive of one folder, to which pieces of files go slowly, and notes where each begins. */
const preload = (slow: string, notes: string): string => `
import fs, { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { open, rename } = fs.promises;
const slow = ${JSON.stringify(slow)};
fs.promises.rename = async (from, to) => {
  if (from.startsWith(slow) !== to.startsWith(slow)) {
    throw Object.assign(new Error('EXDEV: cross-device link'), { code: 'EXDEV', syscall: 'rename' });
  }
  return rename(from, to);
};
fs.promises.open = async (...args) => {
  const handle = await open(...args);
  if (!String(args[0]).startsWith(slow)) return handle;
  const write = handle.write.bind(handle);
  handle.write = async (...args) => {
    appendFileSync(${JSON.stringify(notes)}, args[3] + '\\n');
    await new Promise((done) => setTimeout(done, 300));
    return write(...args);
  };
  return handle;
};
syncBuiltinESMExports();
`;

let app: OpenApp;
let page: Page;
let elsewhere: string;
let target: string;
let notes: string;
let extras: HostExtras;
const content = randomBytes(PIECE * PIECES);
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const group = () => page.getByRole('group', { name: 'Folder of converted weights' });
const button = (name: string) => group().getByRole('button', { name, exact: true });
const left = () => group().getByText(/^64 MiB are still in .*gallery\/cache\.$/);
const source = () => join(app.gallery.folder, 'cache/demo', NAME);
const moved = () => join(target, 'demo', NAME);
/** Bytes of the file that is on its way. */
const movingBytes = (): number =>
  statSync(`${moved()}.moving`, { throwIfNoEntry: false })?.size ?? (existsSync(moved()) ? NaN : 0);
const positions = (): number[] => readFileSync(notes, 'utf8').trim().split('\n').map(Number);

async function again(): Promise<void> {
  app = { ...app, host: await startHost(app.gallery, extras) };
  await page.goto(app.host.url);
  await goTo(page, 'Settings');
}

beforeAll(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'likeness-e2e-drive-'));
  [target, notes] = [join(elsewhere, 'my drive'), join(elsewhere, 'notes')];
  await writeFile(join(elsewhere, 'drive.mjs'), preload(target, notes));
  extras = { env: { NODE_OPTIONS: `--import=${join(elsewhere, 'drive.mjs')}` } };
  app = await openApp(undefined, quickAssets);
  page = app.page;
  await app.host.stop();
  await mkdir(join(app.gallery.folder, 'cache/demo'), { recursive: true });
  await writeFile(source(), content);
  await writeFile(join(app.gallery.folder, 'cache/demo/notes.txt'), 'mine');
  await again();
});

beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});

afterAll(async () => {
  await closeApp(app);
  await rm(elsewhere, { recursive: true, force: true });
});

// They follow one another.
describe('the folder of converted weights', { retry: 0 }, () => {
  it('is chosen on another drive, and what is in the old one is offered to be moved', async () => {
    await group().getByText('64 MiB are in it.').waitFor();
    await group().getByLabel('Path of another folder').fill(`"${target}"`);
    await button('Use this folder').click();
    await left().waitFor();
    await group().getByText('0 KiB are in it.').waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  it('is moved to with its progress, paused, and keeps what is there', async () => {
    await button('Move them here').click();
    await group().getByRole('progressbar', { name: 'Move them here' }).waitFor();
    await group()
      .getByText(/^Moving: [1-9].* of 64 MiB$/)
      .waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await button('Pause').click();
    await left().waitFor();
    expect(movingBytes()).toBeGreaterThan(0);
    expect(movingBytes()).toBeLessThan(PIECE * PIECES);
    expect(existsSync(source())).toBe(true);
    await page.reload();
    await goTo(page, 'Settings');
    await left().waitFor();
  });

  it('goes on where it was, is ended with the app, and offers the rest at the next start', async () => {
    const before = movingBytes();
    await button('Move them here').click();
    await expect.poll(movingBytes, { interval: 10 }).toBeGreaterThan(before);
    await app.host.kill();
    expect(movingBytes()).toBeLessThan(PIECE * PIECES);
    expect(existsSync(moved())).toBe(false);
    await again();
    await left().waitFor();
  });

  it('is moved to the end, byte for byte, and no piece twice but the one that was cut', async () => {
    await button('Move them here').click();
    await left().waitFor({ state: 'hidden' });
    await group().getByText('64 MiB are in it.').waitFor();
    await expect.poll(() => existsSync(source())).toBe(false);
    expect(hash(readFileSync(moved()))).toBe(hash(content));
    expect(await readdir(join(target, 'demo'))).toEqual([NAME]);
    expect(await readdir(join(app.gallery.folder, 'cache/demo'))).toEqual(['notes.txt']);
    // Begun three times, once from its start.
    expect(positions().filter((at) => at === 0)).toHaveLength(1);
    expect(positions().length).toBeLessThanOrEqual(PIECES + 2);
    await page.reload();
    await goTo(page, 'Settings');
    await group().getByText(target, { exact: true }).waitFor();
  });
});
