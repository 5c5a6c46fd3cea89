/** Settings → GPU on Windows: CUDA's libraries from made-up wheels for Windows, with a host that is ended in between. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CUDA_PART_IDS } from '../../src-main/base/cuda-parts.js';
import { closeApp, openApp, type OpenApp } from '../e2e/support/app.js';
import { quickAssets, startHost, type HostExtras } from '../e2e/support/host.js';
import { goTo } from '../e2e/support/studio.js';
import { makeWheels, PACKAGES } from '../support/made-up-wheels.js';
import { typedOnWindows, windowsOf } from './support/windows-host.js';

let app: OpenApp;
let page: Page;
let wheels: string;
let local: string;
let extras: HostExtras;

const section = () => page.getByRole('region', { name: 'GPU', exact: true });
const setup = () => page.getByRole('group', { name: 'The set-up of CUDA' });

async function again(): Promise<void> {
  const host = await startHost(app.gallery, extras);
  app = { ...app, host };
  await page.goto(host.url);
  await goTo(page, 'Settings');
}

beforeAll(async () => {
  app = await openApp(undefined, quickAssets);
  page = app.page;
  const { folder } = windowsOf(app.gallery);
  [wheels, local] = [join(folder, 'Down loads'), join(folder, 'Local')];
  mkdirSync(wheels);
  writeFileSync(join(folder, 'wheels.json'), JSON.stringify(makeWheels(wheels, 'win32-x64', PACKAGES[3] ?? null)));
  extras = { args: ['--cuda-wheels', join(folder, 'wheels.json')], env: { LOCALAPPDATA: local } };
  await app.host.stop();
  await again();
});
afterAll(() => closeApp(app));

describe('CUDA on Windows', { retry: 0 }, () => {
  it('is set up from wheels, by a host that was ended in between, up to the driver', async () => {
    await section().getByRole('heading', { name: 'No NVIDIA driver was found' }).waitFor();
    await page.getByRole('button', { name: 'Set up CUDA…' }).click();
    await page.getByLabel('Path of their folder').fill(`"${typedOnWindows(wheels)}"`);
    await page.getByRole('button', { name: 'Set up', exact: true }).click();
    await expect
      .poll(
        () => readdirSync(join(local, 'Likeness Lab', 'cuda')).filter((name) => name.endsWith('.dist-info')).length,
        {
          interval: 2,
          timeout: 20_000,
        },
      )
      .toBeGreaterThan(1);
    await app.host.kill();
    await again();
    await setup()
      .getByText(/are there and kept\.$/)
      .waitFor();
    await setup().getByRole('button', { name: 'Resume' }).click();
    await section().getByText('The libraries are all there; the driver alone is missing.').waitFor();
    await section().getByText('Driver and libraries', { exact: true }).click();
    const rows = await section().getByRole('row').allInnerTexts();
    expect(rows.filter((line) => line.includes('\tthere\t'))).toHaveLength(CUDA_PART_IDS.length);
    expect(rows.join('\n')).toContain('\\nvidia\\cu13\\bin\\x86_64\\cublasLt64_13.dll');
  });

  it('takes a folder in any case of its letters, and deletes its own', async () => {
    const choice = section().getByRole('group', { name: 'Folder of CUDA’s libraries' });
    const own = typedOnWindows(join(local, 'Likeness Lab', 'cuda'));
    await choice.getByLabel('Path of another folder').fill(own.toUpperCase());
    await page.keyboard.press('Enter');
    await choice.getByText(own.toUpperCase()).waitFor();
    await choice.getByRole('button', { name: 'Forget the folder' }).click();
    await choice.getByText('The app’s own, and where other programs keep them').waitFor();
    await page.getByRole('button', { name: 'Remove the libraries…' }).click();
    await page.getByRole('button', { name: 'Remove them' }).click();
    await section().getByText('With an NVIDIA card:', { exact: false }).waitFor();
    expect(readdirSync(join(local, 'Likeness Lab', 'cuda'))).toEqual([]);
  });
});
