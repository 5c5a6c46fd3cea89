/** `npm run dev`: the browser host, rebuilt and restarted when the main side changes, and a page that reloads itself. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, ROOT } from './install.mjs';

ensureInstalled();
const [{ buildMain }, { createServer }] = await Promise.all([import('./build-main.mjs'), import('vite')]);

const HOST_PORT = 7861;
const PAGE_PORT = 5173;
/** The same across restarts of the host, so that the page's session stays valid. */
const SECRET = randomBytes(32).toString('base64url');
/** Editors write a file in several steps. */
const SETTLE_MS = 150;

/** @type {import('node:child_process').ChildProcess | null} */
let host = null;

async function startHost() {
  await buildMain();
  const args = ['--port', String(HOST_PORT), '--no-open', '--dev-origin', `http://127.0.0.1:${PAGE_PORT}`];
  host = spawn(process.execPath, [join(ROOT, 'dist/main/web.js'), ...args, ...process.argv.slice(2)], {
    cwd: ROOT,
    env: { ...process.env, LIKENESS_LAB_DEV_SECRET: SECRET },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  host.stdout?.setEncoding('utf8').on('data', (text) => {
    const token = /#token=\S+/.exec(text)?.[0];
    if (token !== undefined) process.stdout.write(`Likeness Lab (dev): http://127.0.0.1:${PAGE_PORT}/${token}\n`);
  });
}

/** @returns {Promise<void>} */
function stopHost() {
  const child = host;
  host = null;
  if (child === null || child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** @type {Promise<void>} */
let work = Promise.resolve();
/** @type {NodeJS.Timeout | undefined} */
let timer;
watch(join(ROOT, 'src-main'), { recursive: true }, () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    work = work
      .then(stopHost)
      .then(startHost)
      .catch((error) => process.stderr.write(`${error.message}\n`)); // a syntax error: wait for the next save
  }, SETTLE_MS);
});

process.env['LIKENESS_LAB_HOST'] = `http://127.0.0.1:${HOST_PORT}`;
const page = await createServer({
  configFile: join(ROOT, 'vite.config.ts'),
  server: { host: '127.0.0.1', port: PAGE_PORT, strictPort: true },
});
await page.listen();
await startHost();

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    void stopHost()
      .then(() => page.close())
      .then(() => process.exit(0));
  });
}
