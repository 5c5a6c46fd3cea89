/**
 * `npm start`: installs what is missing, builds what is stale, and opens the app; where Electron cannot run, the
 * browser host. Arguments after `--` go to the browser host (`npm start -- --browser --no-open --port 7860`).
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, ROOT } from './install.mjs';

/** An Electron that fails sooner never showed a window. */
const STARTED_MS = 15_000;

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<number>} its exit code
 */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit' });
    const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    process.on('SIGTERM', pass);
    process.on('SIGINT', () => undefined); // the terminal sends it to the child as well
    child.on('error', () => resolve(1));
    child.on('exit', (code) => {
      process.off('SIGTERM', pass);
      resolve(code ?? 1);
    });
  });
}

ensureInstalled();
const [{ buildIfStale }, { findElectron }] = await Promise.all([
  import('./build-if-stale.mjs'),
  import('./electron-binary.mjs'),
]);
await buildIfStale();

const args = process.argv.slice(2);
const browser = args.includes('--browser');
const rest = args.filter((arg) => arg !== '--browser');
const electron = browser || rest.length > 0 ? { reason: 'the browser was asked for' } : findElectron();

if ('executable' in electron) {
  const started = Date.now();
  const code = await run(electron.executable, ['.']);
  if (code === 0 || Date.now() - started > STARTED_MS) process.exit(code);
  process.stdout.write('Electron could not open a window here; serving the app to a browser instead.\n');
} else if (!browser && rest.length === 0) {
  process.stdout.write(`Electron is not used: ${electron.reason}. Serving the app to a browser instead.\n`);
}
process.exit(await run(process.execPath, [join(ROOT, 'dist/main/web.js'), ...rest]));
