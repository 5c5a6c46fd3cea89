/** Builds the main side and the page when a source is newer than the last build. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './install.mjs';

const SOURCES = ['src-main', 'src-renderer', 'package.json', 'package-lock.json', 'vite.config.ts'];
const STAMP = join(ROOT, 'dist', '.built');

/**
 * The newest change below a path, milliseconds.
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  // A folder's own time shows deleted files.
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stat.mtimeMs);
}

/** @returns {boolean} */
function isStale() {
  const built = statSync(STAMP, { throwIfNoEntry: false });
  if (built === undefined || !existsSync(join(ROOT, 'dist/main/web.js'))) return true;
  return SOURCES.some((source) => newest(join(ROOT, source)) > built.mtimeMs);
}

export async function buildIfStale() {
  if (!isStale()) return;
  process.stdout.write('Building…\n');
  const started = new Date();
  const [{ buildMain }, vite] = await Promise.all([import('./build-main.mjs'), import('vite')]);
  await buildMain();
  if (existsSync(join(ROOT, 'vite.config.ts'))) {
    await vite.build({ root: undefined, configFile: join(ROOT, 'vite.config.ts'), logLevel: 'warn' });
  }
  writeFileSync(STAMP, started.toISOString());
}
