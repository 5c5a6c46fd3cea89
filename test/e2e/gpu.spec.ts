/**
 * Settings → GPU: CUDA from nothing to all of its libraries, by a made-up pip and from made-up wheels, with a host that is
 * killed in between; then, with the scripted engine, a computer that has the card.
 */
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { CUDA_PACKAGES, CUDA_PART_IDS, cudaSystem } from '../../src-main/base/cuda-parts.js';
import { SCRIPTED_ENGINE } from '../integration/support/scripted-host.js';
import { makePip } from '../support/made-up-pip.js';
import { makeWheels, PACKAGES } from '../support/made-up-wheels.js';
import { axeViolations } from './support/axe';
import { launchBrowser, openPage, type WatchedPage } from './support/browser';
import {
  buildRenderer,
  quickAssets,
  startHost,
  temporaryGallery,
  type Host,
  type TemporaryGallery,
} from './support/host';
import { ADA, h200 } from './support/h200-probe';
import { SIZES, take } from './support/looks';
import { COMPLETE, saveFailure, saveScreenshot } from './support/screenshot';
import { settle } from './support/settle';
import { goTo } from './support/studio';

/** A driver would have the made-up libraries loaded. */
const HERE = cudaSystem(process) === 'linux-x64' && !existsSync('/proc/driver/nvidia');
const [, , THIRD = '', LAST = THIRD] = PACKAGES;
/** At which pip takes its time; for the pictures one that is half of the download. */
const SLOW = COMPLETE ? 'nvidia-cudnn-cu13' : THIRD;

let browser: Browser;
let gallery: TemporaryGallery;
let host: Host;
let watched: WatchedPage;
let page: Page;
let home: string;

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
const section = () => page.getByRole('region', { name: 'GPU', exact: true });
const setup = () => page.getByRole('group', { name: 'The set-up of CUDA' });
const rows = () => section().getByRole('region', { name: 'Driver and libraries' }).getByRole('row');

async function start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  host = await startHost(gallery, {
    args,
    env: { HOME: home, XDG_CONFIG_HOME: join(home, '.config'), LIKENESS_LAB_CUDA: '', PATH: join(home, 'bin'), ...env },
  });
  if (watched === undefined) {
    watched = await openPage(browser);
    page = watched.page;
  }
  await page.goto(host.url);
}

async function check(name: string): Promise<void> {
  for (const [width, height] of COMPLETE
    ? []
    : ([
        [1440, 900],
        [1024, 700],
      ] as const)) {
    await page.setViewportSize({ width, height });
    await settle(page);
    if (width === 1440) expect(await axeViolations(page)).toEqual([]);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wider, 'pixels wider than the window').toBeLessThanOrEqual(0);
  }
  await picture(name);
}

/** Where pictures are wanted. */
async function picture(name: string): Promise<void> {
  if (!COMPLETE) return;
  await page.setViewportSize(SIZES[0]);
  await page.mouse.move(0, 0);
  await take(page, `gpu-${name}`);
  await saveScreenshot(
    page,
    `gpu-${name}`,
    (await page.getByRole('dialog').count()) > 0 || (await section().count()) === 0 ? undefined : section(),
  );
}

async function toGpu(): Promise<void> {
  await goTo(page, 'Settings');
  await section().getByRole('heading', { name: 'GPU' }).scrollIntoViewIfNeeded();
}

/** But for a host that was ended. */
function leftNothing(): void {
  expect(watched.problems.filter((problem) => !/ERR_CONNECTION_(REFUSED|RESET)/.test(problem))).toEqual([]);
}

beforeAll(async () => {
  buildRenderer();
  if (COMPLETE && existsSync(ADA)) throw new Error(`${ADA} exists; the pictures need it empty.`);
  home = COMPLETE ? ADA : await mkdtemp(join(tmpdir(), 'likeness-e2e-gpu-'));
  await mkdir(join(home, 'bin'), { recursive: true });
  [gallery, browser] = await Promise.all([temporaryGallery(quickAssets), launchBrowser()]);
});
beforeEach(({ task }) => {
  onTestFailed(() => saveFailure(page, task.name));
});
afterAll(async () => {
  await browser.close();
  if (HERE) await host.stop();
  await Promise.all([gallery.dispose(), rm(home, { recursive: true, force: true })]);
});

const cuda = () => join(home, '.config', 'Likeness Lab', 'cuda');
const wheels = () => join(home, 'Downloads');
const table = () => join(home, 'bin', 'wheels.json');

describe.skipIf(!HERE)('a computer without anything', { retry: 0 }, () => {
  beforeAll(async () => {
    await mkdir(wheels());
    await writeFile(table(), JSON.stringify(makeWheels(wheels(), 'linux-x64', LAST as (typeof PACKAGES)[number])));
    const pip = await makePip(join(home, 'bin'), 'linux-x64');
    await writeFile(join(home, 'bin', 'python3'), `#!/bin/sh\nexec "${pip.program}" "${pip.prefix[0] ?? ''}" "$@"\n`);
    await chmod(join(home, 'bin', 'python3'), 0o755);
    // The pictures have the sizes of the real wheels.
    if (COMPLETE) await writeFile(join(home, 'bin', 'speed'), '240000');
    await start(COMPLETE ? [] : ['--cuda-wheels', table()], {});
  });

  it('says of each provider whether it is there, and of CUDA what lacks', async () => {
    await toGpu();
    await section().getByRole('heading', { name: 'No NVIDIA driver was found' }).waitFor();
    const providers = section().getByRole('listitem');
    expect(await providers.filter({ hasText: 'cpu' }).innerText()).toMatch(/threads/);
    await picture('nothing');
    await section().getByText('Driver and libraries', { exact: true }).click();
    const lines = await rows().allInnerTexts();
    expect(lines).toHaveLength(2 + CUDA_PART_IDS.length);
    expect(lines[1]).toMatch(/^NVIDIA driver\tmissing\t–\t580 or newer/);
    expect(lines.at(-1)).toContain('libonnxruntime_providers_cuda.so was not found.');
    await section().getByText('Looked in', { exact: true }).waitFor();
    await check('nothing-details');
    await section().getByText('Driver and libraries', { exact: true }).click();
  });

  it('shows what a set-up takes and the three ways', async () => {
    await button('Set up CUDA…').click();
    const dialog = page.getByRole('dialog', { name: 'Set up CUDA' });
    await dialog.getByRole('heading', { name: 'Let pip 25.3 download them' }).waitFor();
    expect(await dialog.innerText()).toContain(cuda());
    await dialog.getByText('6 files to download').click();
    expect(await dialog.getByRole('link', { name: /^nvidia_cublas-/ }).getAttribute('href')).toBe(
      `https://pypi.org/project/nvidia-cublas/${CUDA_PACKAGES['nvidia-cublas']}/#files`,
    );
    expect(await dialog.innerText()).toContain('--no-deps --only-binary=:all:');
    expect(existsSync(cuda())).toBe(false);
    await check('dialog');
  });

  it('lets pip download, is paused, and stays over a reload', async () => {
    await writeFile(join(home, 'bin', `wait-${SLOW}`), '');
    await button('Download and set up').click();
    await setup().getByText(`Downloading ${SLOW} ·`).waitFor();
    if (COMPLETE) await page.waitForTimeout(15_000);
    await check('running');
    await goTo(page, 'Studio');
    await page.reload();
    await toGpu();
    await setup().getByText(`Downloading ${SLOW} ·`).waitFor();
    await setup().getByRole('button', { name: 'Pause' }).click();
    await setup()
      .getByText(/^\d+ % are there and kept\.$/)
      .waitFor();
    await picture('paused');
    await setup().getByRole('button', { name: 'Cancel…' }).click();
    await button('Cancel and delete').click();
    await setup().waitFor({ state: 'detached' });
    expect(readdirSync(cuda())).toEqual([]);
    await rm(join(home, 'bin', `wait-${SLOW}`));
  });

  it('names the wheels that a folder lacks', async () => {
    await mkdir(join(home, 'empty'));
    await button('Set up CUDA…').click();
    await page.getByLabel('Path of their folder').fill(join(home, 'empty'));
    await page.keyboard.press('Enter');
    await setup().getByText('lacks the wheels of').waitFor();
    await check('failed');
  });

  it('sets up from wheels, is killed, and takes it up again to the end, where the driver lacks', async () => {
    if (COMPLETE) {
      await host.stop();
      await start(['--cuda-wheels', table()], {});
      await toGpu();
    }
    await button('Another way…').click();
    await page.getByLabel('Path of their folder').fill(wheels());
    await button('Set up').click();
    await expect
      .poll(
        () => (existsSync(cuda()) ? readdirSync(cuda()) : []).filter((name) => name.endsWith('.dist-info')).length,
        {
          interval: 2,
          timeout: 10_000,
        },
      )
      .toBeGreaterThan(1);
    await host.kill();
    await start(['--cuda-wheels', table()], {});
    await toGpu();
    await setup()
      .getByText(/^\d+ % are there and kept\.$/)
      .waitFor();
    await setup().getByText(wheels()).waitFor();
    await picture('interrupted');
    await setup().getByRole('button', { name: 'Resume' }).click();
    await setup().getByText('The libraries are there. What is still missing is said above.').waitFor();
    await section().getByText('The libraries are all there; the driver alone is missing.').waitFor();
    await section().getByText('Driver and libraries', { exact: true }).click();
    const lines = await rows().allInnerTexts();
    expect(lines.filter((line) => line.includes('\tthere\t'))).toHaveLength(CUDA_PART_IDS.length);
    expect(await button('Set up CUDA…').count()).toBe(0);
    await check('without-driver');
    await setup().getByRole('button', { name: 'Close' }).click();
    await setup().waitFor({ state: 'detached' });
  });

  it('takes a folder of one’s own, and refuses one without libraries', async () => {
    const choice = section().getByRole('group', { name: 'Folder of CUDA’s libraries' });
    const path = choice.getByLabel('Path of another folder');
    await path.fill(join(home, 'empty'));
    await page.keyboard.press('Enter');
    await page.getByText(`${join(home, 'empty')} holds none of CUDA’s libraries.`).waitFor();
    await button('Dismiss').click();
    await path.fill(cuda());
    await page.keyboard.press('Enter');
    await choice.getByText(cuda(), { exact: true }).waitFor();
    await choice.getByRole('button', { name: 'Forget the folder' }).click();
    await choice.getByText('The app’s own, and where other programs keep them').waitFor();
  });

  it('left nothing on the console', leftNothing);
});

describe.skipIf(!HERE)('a computer with the card', { retry: 0 }, () => {
  const say = (state: Parameters<typeof h200>[0]) => writeFile(join(home, 'probe.json'), JSON.stringify(h200(state)));
  const device = () => page.getByRole('combobox', { name: 'Runs on', exact: true });

  beforeAll(async () => {
    await host.stop();
    await rm(cuda(), { recursive: true, force: true });
    await gallery.dispose();
    gallery = await temporaryGallery(quickAssets);
    await say('missing');
    const engine = ['--engine', SCRIPTED_ENGINE, ...(COMPLETE ? [] : ['--cuda-wheels', table()])];
    await start(engine, { SCRIPTED_PROBE: join(home, 'probe.json') });
  });

  it('makes cuda the default when it is set up, and says so', async () => {
    await device().waitFor();
    expect(await device().inputValue()).toBe('webgpu');
    await toGpu();
    await section().getByRole('heading', { name: '4 of 9 libraries are missing' }).waitFor();
    await picture('missing');
    await button('Set up CUDA…').click();
    await say('ready');
    await button('Download and set up').click();
    await page.getByText('CUDA is ready. Pictures are made with cuda from now on.').first().waitFor();
    await button('Dismiss').click();
    await setup().getByText('New pictures are made with cuda.').waitFor();
    await section().getByRole('heading', { name: 'CUDA is ready' }).waitFor();
    const providers = section().getByRole('listitem');
    expect(await providers.first().innerText()).toMatch(/cuda\s+NVIDIA H200, 140 GiB/);
    expect(await providers.first().innerText()).toContain('Default');
    await check('ready');
    await setup().getByRole('button', { name: 'Close' }).click();
    await section().getByText('Driver and libraries', { exact: true }).click();
    await picture('ready-details');
    await goTo(page, 'Studio');
    expect(await device().inputValue()).toBe('cuda');
  });

  it('takes a limit of the card’s memory, says what it makes stream, and drops it with the card', async () => {
    const limit = page.getByRole('spinbutton', { name: 'Use at most' });
    expect(await limit.inputValue()).toBe('');
    const rows = page.getByRole('listitem', { name: /^Variant \d/ });
    await rows.first().getByText('peak').waitFor();
    expect(await page.getByText(/^Streams|Streams .* in every step/).count()).toBe(0);
    await limit.fill('8');
    // Of the scripted estimate: 22.4 GB of weights, and 1 GB beside them.
    await rows
      .first()
      .getByText(/ free\. Streams 13\.8 GiB in every step\./)
      .waitFor();
    await page.getByText('limit 8.00 GiB').waitFor();
    await limit.scrollIntoViewIfNeeded();
    await check('limit');
    await limit.fill('0.5');
    await page.getByText('Memory limit must be 1 to 256.').waitFor();
    await limit.fill('');
    await page.getByText('limit 8.00 GiB').waitFor({ state: 'detached' });
    await page.getByText('Memory limit must be 1 to 256.').waitFor({ state: 'detached' });
    await limit.fill('8');
    await device().selectOption('cpu');
    await limit.waitFor({ state: 'detached' });
    await device().selectOption('cuda');
    expect(await limit.inputValue()).toBe('');
  });

  it('says in the studio when cuda is gone, with a way out', async () => {
    await say('no-driver');
    await toGpu();
    await button('Look again').click();
    await section().getByText('The libraries are all there; the driver alone is missing.').waitFor();
    await goTo(page, 'Studio');
    const notice = page.getByRole('alert').filter({ hasText: 'cuda does not work here' });
    await notice.getByText('No NVIDIA driver was found').waitFor();
    await page.getByRole('textbox', { name: 'Prompt' }).fill('a portrait in soft light');
    await page.getByText('cuda does not work here: choose another device.').waitFor();
    expect(await button(/^Make \d/).isDisabled()).toBe(true);
    await check('gone');
    await notice.getByRole('button', { name: 'See what is missing' }).click();
    await section().getByRole('heading', { name: 'No NVIDIA driver was found' }).waitFor();
    expect(page.url()).toContain('#/settings/gpu');
    await goTo(page, 'Studio');
    await notice.getByRole('button', { name: 'Use webgpu' }).click();
    await notice.waitFor({ state: 'detached' });
    expect(await button(/^Make \d/).isEnabled()).toBe(true);
  });

  it('left nothing on the console', leftNothing);
});
