/** Whether Electron can run here; downloads its binary once when it is missing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './install.mjs';

const FOLDER = join(ROOT, 'node_modules', 'electron');
const FAILED = join(ROOT, 'node_modules', '.likeness-lab-electron-failed.json');
/** A network that blocked the download an hour ago still blocks it; tomorrow it may not. */
const RETRY_AFTER_MS = 24 * 60 * 60 * 1000;
/** The archive is about 120 MB. */
const DOWNLOAD_TIMEOUT_MS = 10 * 60 * 1000;

/** @returns {string | null} the executable, if installed */
function installed() {
  const pathFile = join(FOLDER, 'path.txt');
  if (!existsSync(pathFile)) return null;
  const executable = join(FOLDER, 'dist', readFileSync(pathFile, 'utf8'));
  return existsSync(executable) ? executable : null;
}

/** @returns {string | null} why Electron cannot open a window on this machine */
function obstacle() {
  if (process.platform !== 'linux') return null;
  if (process.env['DISPLAY'] === undefined && process.env['WAYLAND_DISPLAY'] === undefined) return 'there is no screen';
  if (process.getuid?.() === 0) return 'its sandbox does not run as root';
  return null;
}

/** @returns {string | null} why the last download failed, if that was recent */
function recentFailure() {
  if (!existsSync(FAILED)) return null;
  try {
    const { atMs, reason } = JSON.parse(readFileSync(FAILED, 'utf8'));
    return Date.now() - atMs < RETRY_AFTER_MS ? String(reason) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null; // cut short: try again
    throw error;
  }
}

/**
 * The installed Electron executable, or in a few words why it cannot be used.
 * @returns {{ executable: string } | { reason: string }}
 */
export function installedElectron() {
  const reason = obstacle();
  if (reason !== null) return { reason };
  const executable = installed();
  return executable === null ? { reason: 'its binary is not installed (npm start fetches it)' } : { executable };
}

/**
 * The Electron executable, downloaded when missing, or in a few words why there is none.
 * @returns {{ executable: string } | { reason: string }}
 */
export function findElectron() {
  const reason = obstacle();
  if (reason !== null) return { reason };
  const present = installed();
  if (present !== null) return { executable: present };
  const failed = recentFailure();
  if (failed !== null) return { reason: failed };
  process.stdout.write('Fetching Electron (once, about 120 MB)…\n');
  const env = { ...process.env };
  delete env['ELECTRON_SKIP_BINARY_DOWNLOAD'];
  const result = spawnSync(process.execPath, [join(FOLDER, 'install.js')], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: DOWNLOAD_TIMEOUT_MS,
  });
  const executable = installed();
  if (result.status === 0 && executable !== null) {
    rmSync(FAILED, { force: true });
    return { executable };
  }
  const code = /\b(E[A-Z]{4,}|HTTPError[^\n]*|ERR_[A-Z_]+)\b/.exec(result.stderr ?? '')?.[0];
  const why = `its binary cannot be downloaded here${code === undefined ? '' : ` (${code})`}`;
  writeFileSync(FAILED, JSON.stringify({ atMs: Date.now(), reason: why }));
  return { reason: why };
}
