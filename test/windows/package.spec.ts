/**
 * What Windows' installer and archive would hold: the unpacked app as electron-builder makes it of Windows' packages, with
 * a stand-in of Electron's executable. It is then run by Windows' Node, up to a finished picture.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildRenderer } from '../e2e/support/host.js';
import { standInAssets } from '../support/test-assets.js';
import { prepared, Windows } from './support/windows.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUPPORT = join(ROOT, 'test/integration/packaging/support');
const packager = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
const asar = packager('@electron/asar') as {
  listPackage(archive: string, options: { isPack: boolean }): string[];
  extractAll(archive: string, destination: string): void;
};

/** @source @electron/fuses: the sentinel, the version and number of the fuses, and Electron's own state of them */
const EXECUTABLE = `
volatile const char fuses[] = "dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX\\x01\\x08" "10110001";
int main(void) { return fuses[0] == 0; }
`;
/** The packager writes the archive's hash beside it. */
const VERSION = `
1 VERSIONINFO
FILEVERSION 1,0,0,0
BEGIN
  BLOCK "StringFileInfo" BEGIN BLOCK "040904b0" BEGIN VALUE "ProductName", "Electron" END END
  BLOCK "VarFileInfo" BEGIN VALUE "Translation", 0x409, 1200 END
END
`;

interface Config {
  readonly win: { readonly target: readonly { readonly target: string; readonly arch: string }[] };
  readonly nsis: Readonly<Record<string, unknown>>;
  readonly productName: string;
  readonly artifactName: string;
}

let folder: string;
let app: string;
let config: Config;

beforeAll(async () => {
  buildRenderer();
  folder = await mkdtemp(join(tmpdir(), 'likeness-package-windows-'));
  const { load } = packager('js-yaml') as { load(text: string): unknown };
  config = load(await readFile(join(ROOT, 'electron-builder.yml'), 'utf8')) as Config;
  const [project, electronDist] = [join(folder, 'project'), join(folder, 'electron')];
  await Promise.all([mkdir(project), mkdir(electronDist)]);
  execFileSync('cp', ['-al', join(prepared(), 'app/node_modules'), join(ROOT, 'dist'), join(ROOT, 'assets'), project]);
  for (const name of ['package.json', 'package-lock.json', 'LICENSE']) await cp(join(ROOT, name), join(project, name));
  await writeFile(join(folder, 'electron.c'), EXECUTABLE);
  await writeFile(join(folder, 'electron.rc'), VERSION);
  execFileSync('x86_64-w64-mingw32-windres', ['electron.rc', '-O', 'coff', '-o', 'electron.res'], { cwd: folder });
  const made = join(electronDist, 'electron.exe');
  execFileSync('x86_64-w64-mingw32-gcc', ['-O2', '-s', '-o', made, 'electron.c', 'electron.res'], { cwd: folder });
  for (const name of ['LICENSE', 'LICENSES.chromium.html']) await writeFile(join(electronDist, name), '');
  const { version } = JSON.parse(await readFile(join(ROOT, 'node_modules/electron/package.json'), 'utf8')) as {
    version: string;
  };
  const { build, Platform, Arch, DIR_TARGET } = await import('electron-builder');
  await build({
    projectDir: project,
    targets: Platform.WINDOWS.createTarget(DIR_TARGET, Arch.x64),
    publish: 'never',
    config: {
      ...config,
      // Icon and version are written by a program that is fetched first.
      win: { ...config.win, signAndEditExecutable: false },
      electronDist,
      electronVersion: version,
      directories: { output: join(folder, 'out'), buildResources: 'assets/icon' },
    } as never,
  });
  app = join(folder, 'out/win-unpacked');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the app for Windows', () => {
  it('has the native code of Windows on x64, all of it and no other', async () => {
    const unpacked = join(app, 'resources/app.asar.unpacked/node_modules');
    const natives = (await readdir(unpacked, { recursive: true })).filter((file) =>
      /\.(node|dll|exe|so|dylib|lib|a)(\.\d+)*$/.test(file),
    );
    expect(natives.toSorted()).toEqual([
      '@img/sharp-win32-x64/lib/libvips-42.dll',
      expect.stringMatching(/^@img\/sharp-win32-x64\/lib\/libvips-cpp-[\d.]+\.dll$/),
      expect.stringMatching(/^@img\/sharp-win32-x64\/lib\/sharp-win32-x64-[\d.]+\.node$/),
      '@koromix/koffi-win32-x64/win32_x64/koffi.node',
      'better-sqlite3-napi/prebuilds/win32-x64.node',
      ...['DirectML.dll', 'dxcompiler.dll', 'dxil.dll', 'onnxruntime.dll', 'onnxruntime_binding.node'].map(
        (name) => `onnxruntime-node/bin/napi-v6/win32/x64/${name}`,
      ),
    ]);
    const packed = asar.listPackage(join(app, 'resources/app.asar'), { isPack: false });
    expect(packed.filter((file) => /\.(node|dll|so|dylib)(\.\d+)*$/.test(file)).length).toBe(natives.length);
    expect(packed.filter((file) => /(darwin|linux)[^/\\]*[/\\]|\.(map|ts|cc|hh)$|(cli|web)\.js$/.test(file))).toEqual(
      [],
    );
  });

  it('is as large as it was measured', async () => {
    let bytes = 0;
    for (const entry of await readdir(app, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
    }
    // 172 MiB without Electron itself: the runtime 64, the demo pack 62, libvips 19, samples and the rest.
    expect(bytes / 2 ** 20).toBeGreaterThan(150);
    expect(bytes / 2 ** 20).toBeLessThan(190);
  });

  it('is called Likeness Lab, is installed for one person without an administrator, and leaves what they made', async () => {
    expect(await readdir(app)).toContain('Likeness Lab.exe');
    expect(config.win.target).toEqual([
      { target: 'nsis', arch: 'x64' },
      { target: 'zip', arch: 'x64' },
    ]);
    expect(config.nsis).toEqual({
      oneClick: false,
      perMachine: false,
      shortcutName: 'Likeness Lab',
      allowToChangeInstallationDirectory: true,
      deleteAppDataOnUninstall: false,
    });
  });

  it('runs up to a finished picture', async () => {
    const windows = await Windows.open({ page: true });
    try {
      const home = windows.at('out', 'Likeness Lab');
      await mkdir(join(home, 'node_modules/electron'), { recursive: true });
      asar.extractAll(join(app, 'resources/app.asar'), join(home, 'resources/app'));
      await mkdir(join(home, 'resources/assets'));
      await standInAssets(join(home, 'resources/assets'));
      await cp(join(app, 'resources/assets/NOTICES.txt'), join(home, 'resources/assets/NOTICES.txt'));
      await cp(join(SUPPORT, 'fake-electron.mjs'), join(home, 'node_modules/electron/index.mjs'));
      await cp(join(SUPPORT, 'drive-packed-app.mjs'), join(home, 'drive.mjs'));
      const electron = { name: 'electron', exports: { import: './index.mjs', require: './index.cjs' } };
      await writeFile(join(home, 'node_modules/electron/package.json'), JSON.stringify(electron));
      await writeFile(join(home, 'node_modules/electron/index.cjs'), 'module.exports = globalThis.fakeElectron;\n');
      const preload = `process.env.FAKE_ELECTRON_FOLDER = 'O:\\\\Likeness Lab';`;
      await writeFile(windows.at('app', 'packed.mjs'), preload);
      const ran = await windows.node('--import', 'file:///N:/packed.mjs', 'O:\\Likeness Lab\\drive.mjs');
      expect(ran).toMatchObject({ code: 0 });
      const seen = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
      expect(seen).toMatchObject({
        page: { status: 200 },
        paths: { sessionData: expect.stringMatching(/\\AppData\\Local\\Likeness Lab\\browser$/) as string },
        system: {
          host: 'electron',
          gallery: {
            folder: expect.stringMatching(/\\AppData\\Local\\Likeness Lab\\gallery$/) as string,
            better: null,
          },
        },
        run: { faces: 1, status: 'finished', error: null, picture: 200 },
        errors: [],
      });
    } finally {
      await windows.close();
    }
  });
});
