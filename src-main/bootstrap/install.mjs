/** Installs packages for `npm start` and `npm test`; needs only Node and git. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.likeness-lab-install.json');
/** The oldest Node on which all packages run. */
const MIN_NODE = [20, 19];

/** @returns {string} the state that node_modules must fit: lockfile, and the Node that native packages are built for */
function wanted() {
  const lockfile = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  return JSON.stringify({ lockfile, abi: process.versions.modules, platform: process.platform, arch: process.arch });
}

/** npm writes its own record of an install within moments of the lockfile. */
const SLACK_MS = 60_000;

/** @returns {boolean} whether someone ran npm by hand since the lockfile last changed */
function isInstalledByHand() {
  const record = statSync(join(MODULES, '.package-lock.json'), { throwIfNoEntry: false });
  return record !== undefined && record.mtimeMs + SLACK_MS > statSync(join(ROOT, 'package-lock.json')).mtimeMs;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = MIN_NODE;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  process.stderr.write(
    `Likeness Lab needs Node ${MIN_NODE.join('.')} or newer; this is ${process.version}. Install a newer one from https://nodejs.org.\n`,
  );
  process.exit(1);
}

/** @returns {boolean} */
function isInstalled() {
  return existsSync(STAMP) ? readFileSync(STAMP, 'utf8') === wanted() : isInstalledByHand();
}

/** Keeps two packages from downloading large binaries now; npm start downloads Electron's, ONNX Runtime's is not needed. */
const SETTINGS = { ONNXRUNTIME_NODE_INSTALL: 'skip', ELECTRON_SKIP_BINARY_DOWNLOAD: '1', JOBS: 'max' };

/** The npm that started this process, or the one on the path. @param {string[]} args */
function npm(...args) {
  const own = process.env['npm_execpath'];
  if (own !== undefined) return { command: process.execPath, args: [own, ...args], env: SETTINGS };
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args, env: SETTINGS };
}

/**
 * `npm ci`. Prints one line, and npm's own output only on failure, which ends the process.
 * @param {string[]} more
 */
function installPackages(...more) {
  process.stdout.write('Installing packages (about a minute the first time)…\n');
  const { command, args, env } = npm('ci', '--no-audit', '--no-fund', '--loglevel=error', ...more);
  const result = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    shell: command === 'npm.cmd',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`);
  process.stderr.write(
    'The packages could not be installed. Check the network connection and run the command again.\n',
  );
  process.exit(1);
}

/** Installs packages that are missing or do not fit the lockfile; ends the process on failure. */
export function ensureInstalled() {
  checkNode();
  if (isInstalled()) return;
  installPackages();
  writeFileSync(STAMP, wanted());
}

/**
 * Installs everything except native packages, which the caller compiles beside other work.
 * @returns {import('./run-jobs.mjs').Job | null} the job that compiles them, followed by `endInstall`; null when nothing
 * is missing
 */
export function beginInstall() {
  checkNode();
  if (isInstalled()) return null;
  installPackages('--ignore-scripts');
  writeFileSync(STAMP, 'unfinished');
  const { allowScripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const compiled = Object.keys(allowScripts).filter((name) => allowScripts[name]);
  return { name: 'packages', ...npm('rebuild', '--loglevel=error', ...compiled) };
}

/**
 * @param {boolean} ok whether the job of `beginInstall` succeeded; otherwise `npm ci` runs, which skips optional packages
 * that fail
 */
export function endInstall(ok) {
  if (ok) writeFileSync(STAMP, wanted());
  else ensureInstalled();
}
