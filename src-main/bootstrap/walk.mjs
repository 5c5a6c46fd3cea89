/**
 * `npm run walk`: times the first minute of a new user. `npm start` on an empty data folder, then Chromium from the
 * first open to a finished comparison of three formats on the demo pack, through the buttons that a person presses.
 * Prints the seconds of each stage as the table of docs/measurements.md; exits with 1 when a stage fails.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { findChromium } from './chromium.mjs';
import { ROOT } from './install.mjs';

/** Longest duration of a stage. */
const STAGE_MS = 180_000;

const executablePath = findChromium();
if (executablePath === undefined) {
  console.error('Chromium was not found. Install it, or name it in CHROMIUM.');
  process.exit(1);
}

/** @type {{ stage: string; seconds: number; sinceOpen: number | null }[]} */
const stages = [];
let last = performance.now();
/** @type {number | null} */
let opened = null;

/** @param {string} stage that has just ended */
function mark(stage) {
  const now = performance.now();
  stages.push({ stage, seconds: (now - last) / 1000, sinceOpen: opened === null ? null : (now - opened) / 1000 });
  last = now;
}

/** @returns {Promise<{ url: string; stop: () => Promise<void> }>} once the address is printed */
function startApp(/** @type {string} */ data) {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'src-main/bootstrap/start.mjs'), '--browser', '--no-open', '--port', '0', '--data', data],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (/** @type {Buffer} */ chunk) => {
      printed += chunk.toString();
      const url = /http:\/\/\S+(?=\n)/.exec(printed)?.[0];
      if (url !== undefined) resolve({ url, stop });
    });
    child.once('exit', () => reject(new Error(`npm start ended: ${printed}`)));
  });
}

const folder = mkdtempSync(join(tmpdir(), 'likeness-walk-'));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
page.setDefaultTimeout(STAGE_MS);
last = performance.now();
const app = await startApp(join(folder, 'gallery'));
mark('`npm start` to its address');
try {
  opened = last;
  await page.goto(app.url);
  const start = page.getByRole('button', { name: 'Draw the three' });
  await start.waitFor();
  mark('open to the studio with its offer');

  await start.click();
  const tiles = page.getByRole('region', { name: /one portrait, three formats/ }).getByRole('listitem');
  await tiles.nth(2).waitFor();
  mark('button to three pictures in the queue');
  const names = ['16-bit', 'INT8', 'NF4'];
  // The last picture opens the compare screen instead of a finished tile.
  for (const [at, name] of names.slice(0, -1).entries()) {
    await tiles
      .nth(at)
      .getByRole('img', { name: /^Picture made with/ })
      .waitFor();
    mark(`picture in ${name}`);
  }
  await page.getByRole('slider', { name: 'Divider between All 16-bit and All NF4' }).waitFor();
  mark('picture in NF4, and the compare screen');

  await page.waitForFunction(() => {
    const images = [...document.querySelectorAll('main [role=group] img')];
    return images.length > 1 && images.every((image) => image.complete && image.naturalWidth > 0);
  });
  mark('both pictures under the slider');
  await page.getByText(/^All NF4: peak .*FLIP/).waitFor();
  mark('the table with every difference');
} finally {
  await browser.close();
  await app.stop();
  rmSync(folder, { recursive: true, force: true });
}

const [cpu] = cpus();
console.log(`\n${cpu?.model ?? 'unknown CPU'} × ${cpus().length}, Node ${process.version}\n`);
console.log('| stage | s | since first open, s |\n| --- | ---: | ---: |');
for (const { stage, seconds, sinceOpen } of stages) {
  console.log(`| ${stage} | ${seconds.toFixed(1)} | ${sinceOpen === null ? '' : sinceOpen.toFixed(1)} |`);
}
