/**
 * `npm test`: installs what is missing, then runs every check. Works on a fresh clone with Node and git alone; on
 * Debian it also installs Chromium and the Vulkan loader, which the browser and WebGPU tests need.
 *
 * Prints a last line "N passed, N failed" (checks and test cases together).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium } from './chromium.mjs';
import { installedElectron } from './electron-binary.mjs';
import { ensureInstalled } from './install.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Checks before the test cases; each is an npm script. */
const CHECKS = ['format:check', 'lint', 'typecheck', 'deps:check', 'unused', 'build'];
const PROJECTS = ['unit', 'property', 'integration', 'e2e'];

/** @param {string} command @param {string[]} args */
function run(command, args) {
  console.log(`\n> ${command} ${args.join(' ')}`);
  const started = Date.now();
  const shell = process.platform === 'win32';
  const ok = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell }).status === 0;
  console.log(`  ${ok ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return ok;
}

function ensureSystemPackages() {
  const missing = [];
  if (findChromium() === undefined) missing.push('chromium');
  if (spawnSync('sh', ['-c', 'ldconfig -p | grep -q libvulkan.so.1']).status !== 0) missing.push('libvulkan1');
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.log(`Missing system packages: ${missing.join(', ')}. Install them to run the browser and WebGPU tests.`);
    return;
  }
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing]);
}

ensureInstalled();
ensureSystemPackages();

let passed = 0;
let failed = 0;
for (const check of CHECKS) {
  if (run('npm', ['run', '-s', check])) passed++;
  else failed++;
}
const reports = mkdtempSync(join(tmpdir(), 'likeness-lab-test-'));
const electron = installedElectron();
if ('executable' in electron) PROJECTS.push('desktop');
for (const project of PROJECTS) {
  const report = join(reports, `${project}.json`);
  const ok = run('npx', [
    ...['vitest', 'run', '--config', 'test/config/vitest.config.ts', '--project', project],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  ]);
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
  passed += counts?.numPassedTests ?? 0;
  failed += counts?.numFailedTests ?? 0;
  // A suite that could not even start has no failed case to count.
  if (!ok && (counts?.numFailedTests ?? 0) === 0) failed++;
}
if ('reason' in electron) console.log(`\nElectron's own window was not tested: ${electron.reason}.`);
rmSync(reports, { recursive: true, force: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
