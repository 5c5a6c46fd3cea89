/**
 * `npm test`: installs missing packages, then runs every check, two at a time. A fresh clone needs only Node and git; on
 * Debian it also installs Chromium and the Vulkan loader for the browser and WebGPU tests.
 *
 * The last line is "N passed, N failed" (checks and test cases together).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from './chromium.mjs';
import { installedElectron } from './electron-binary.mjs';
import { beginInstall, endInstall, ROOT } from './install.mjs';
import { runJobs } from './run-jobs.mjs';
import { windowsObstacle } from './windows.mjs';

/** Most jobs wait half the time for processes and pages. More at a time would disturb those that measure. */
const LANES = Math.min(2, availableParallelism());
const CHECKS = ['lint', 'typecheck', 'format:check', 'deps:check', 'unused'];
/** Folders of integration tests that take minutes; the others run as one job. */
const LONG = ['engine', 'reliability', 'services'];

/**
 * The job that installs missing system packages; null when there are none, or when it cannot.
 * @returns {import('./run-jobs.mjs').Job | null}
 */
function systemPackages() {
  const missing = [];
  if (findChromium() === undefined) missing.push('chromium');
  if (spawnSync('sh', ['-c', 'ldconfig -p | grep -q libvulkan.so.1']).status !== 0) missing.push('libvulkan1');
  if (missing.length === 0) return null;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.log(`Missing system packages: ${missing.join(', ')}. Install them to run the browser and WebGPU tests.`);
    return null;
  }
  const install = `apt-get install -y -q --no-install-recommends ${missing.join(' ')}`;
  return { name: 'apt', command: 'sh', args: ['-c', `apt-get update -q && ${install}`] };
}

const started = Date.now();
const native = beginInstall();
const system = systemPackages();

const reports = mkdtempSync(join(tmpdir(), 'likeness-lab-test-'));
const electron = installedElectron();
const noWindows = windowsObstacle();

/** Compilers make much that is garbage at once: with room for it they take a sixth less of the processor. */
const ROOMY = { NODE_OPTIONS: '--max-semi-space-size=128' };
/** @param {string} check an npm script */
const checkJob = (check) => ({ name: check, command: 'npm', args: ['run', '-s', check], env: ROOMY });
/** @param {string} name */
const reportOf = (name) => join(reports, `${name}.json`);
/**
 * @param {string} project of Vitest
 * @param {string} [name] of the job
 * @param {readonly string[]} [files] filters; default the whole project
 */
const projectJob = (project, name = project, files = []) => ({
  name,
  command: 'npx',
  args: [
    ...['vitest', 'run', '--config', 'test/config/vitest.config.ts', '--project', project],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${reportOf(name)}`],
    ...files,
  ],
  // `npm test` builds once, before the projects run.
  env: { LIKENESS_LAB_BUILT: '1', LIKENESS_LAB_WINDOWS: 'short' },
});

let passed = 0;
let failed = 0;
/** What failed, in words for the end of a long output. @type {string[]} */
const failures = [];
/** @param {{ name: string }} job @param {boolean} ok */
function count({ name }, ok) {
  const report = reportOf(name);
  if (!existsSync(report)) {
    if (ok) passed++;
    else {
      failed++;
      failures.push(name);
    }
    return;
  }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  for (const file of testResults) {
    const cases = file.assertionResults.filter((/** @type {{ status: string }} */ each) => each.status === 'failed');
    for (const each of cases) failures.push(`${file.name} › ${each.fullName}\n${each.failureMessages.join('\n')}`);
    if (file.status === 'failed' && cases.length === 0) failures.push(`${file.name}\n${file.message}`);
  }
  passed += numPassedTests;
  // A suite that could not start has no failed case.
  failed += ok ? numFailedTests : Math.max(1, numFailedTests);
}

// Packages that only the tests need are compiled and fetched beside the checks.
const needs = [native, system].filter((job) => job !== null);
let compiled = true;
await runJobs([...needs, ...['build', ...CHECKS].map(checkJob)], LANES, (job, ok) => {
  if (job === native) compiled = ok;
  else if (job !== system) count(job, ok);
});
if (native !== null) endInstall(compiled);

const folders = readdirSync(join(ROOT, 'test/integration')).filter((folder) => folder !== 'support');
/** @param {string} name @param {readonly string[]} parts */
const integrationJob = (name, ...parts) =>
  projectJob(
    'integration',
    name,
    parts.map((part) => `test/integration/${part}/`),
  );
const jobs = [
  // The longest first, so that the lanes end together.
  integrationJob('engine', 'engine'),
  projectJob('e2e'),
  ...(noWindows === null ? [projectJob('windows')] : []),
  integrationJob('reliability', 'reliability'),
  integrationJob('services', 'services'),
  integrationJob('integration', ...folders.filter((folder) => !LONG.includes(folder))),
  projectJob('property'),
  projectJob('unit'),
];
if ('executable' in electron) jobs.push(projectJob('desktop'));
await runJobs(jobs, LANES, count);

if ('reason' in electron) console.log(`\nElectron's own window was not tested: ${electron.reason}.`);
if (noWindows !== null) console.log(`\nWindows was not tested: ${noWindows}.`);
rmSync(reports, { recursive: true, force: true });
for (const failure of failures) console.log(`\nFailed: ${failure}`);
console.log(`\n${((Date.now() - started) / 60_000).toFixed(1)} minutes`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
