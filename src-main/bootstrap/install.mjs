/** The installing half of `npm start` and `npm test`: nothing but Node and git is taken for granted. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.likeness-lab-install.json');
/** The oldest Node on which every package we use runs. */
const MIN_NODE = [20, 19];

/**
 * What node_modules was installed from: the lockfile, and the Node that native packages were built for.
 * @returns {string}
 */
function wanted() {
  const lockfile = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  return JSON.stringify({ lockfile, abi: process.versions.modules, platform: process.platform, arch: process.arch });
}

/** npm's own record of an install is written within moments of the lockfile that an `npm install` changes. */
const SLACK_MS = 60_000;

/**
 * Whether someone ran npm by hand since the lockfile last changed.
 * @returns {boolean}
 */
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

/**
 * Installs the packages when they are missing or do not fit the lockfile. Says so in one line; npm's own output is
 * shown only when it fails. Ends the process when nothing can be installed.
 */
export function ensureInstalled() {
  checkNode();
  const stamp = wanted();
  if (existsSync(STAMP) ? readFileSync(STAMP, 'utf8') === stamp : isInstalledByHand()) return;
  process.stdout.write('Installing packages (about a minute the first time)…\n');
  const npm = process.env['npm_execpath'];
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(
    npm === undefined ? (process.platform === 'win32' ? 'npm.cmd' : 'npm') : process.execPath,
    npm === undefined ? args : [npm, ...args],
    {
      cwd: ROOT,
      encoding: 'utf8',
      shell: npm === undefined && process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        // Both would fetch large binaries while installing; what is needed comes later, or is in the package.
        ONNXRUNTIME_NODE_INSTALL: 'skip',
        ELECTRON_SKIP_BINARY_DOWNLOAD: '1',
      },
    },
  );
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`);
    process.stderr.write(
      'The packages could not be installed. Check the network connection and run the command again.\n',
    );
    process.exit(1);
  }
  writeFileSync(STAMP, stamp);
}
