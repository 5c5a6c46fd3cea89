/**
 * The package as electron-builder makes it, as far as that goes without Electron's binary: an executable that is only
 * Electron's fuse wire stands in for it. What comes out is taken to a folder of its own, so that nothing of the
 * repository can be found from there, and used through the fake Electron.
 */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NATIVE_TEXTS } from '../../../src-main/app/native-text';
import { buildRenderer } from '../../e2e/support/host';
import { readNotices } from '../../support/notices';
import { testAssets } from '../../support/test-assets';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SUPPORT = fileURLToPath(new URL('support', import.meta.url));
/** The packager's own libraries, as the packager finds them. */
const packager = createRequire(createRequire(import.meta.url).resolve('electron-builder'));

/**
 * What marks the fuses in Electron's executable, then their version and number, and their state: 0 is off, 1 on.
 * @source @electron/fuses, SENTINEL and FuseV1Options
 */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const FUSES = ['runAsNode', 'cookies', 'nodeOptions', 'inspect', 'integrity', 'onlyAsar', 'v8Snapshot', 'fileProtocol'];
const ELECTRON_FUSES = '10110001';
const OURS = '01001100';

let folder: string;
let resources: string;

interface Asar {
  listPackage(archive: string, options: { isPack: boolean }): string[];
  extractAll(archive: string, destination: string): void;
}
const asar = packager('@electron/asar') as Asar;

async function makeStandIn(electronDist: string): Promise<void> {
  await mkdir(electronDist);
  const header = Buffer.from([1, FUSES.length]);
  const executable = Buffer.concat([Buffer.from(FUSE_SENTINEL), header, Buffer.from(ELECTRON_FUSES)]);
  await writeFile(join(electronDist, 'electron'), executable);
  await chmod(join(electronDist, 'electron'), 0o755);
  await writeFile(join(electronDist, 'LICENSE'), '');
  await writeFile(join(electronDist, 'LICENSES.chromium.html'), '');
}

describe('electron-builder.yml', () => {
  const schema = packager('app-builder-lib/scheme.json') as object;
  const { validateSchema } = packager('app-builder-lib/out/util/config/schemaValidator') as {
    validateSchema(schema: object, data: unknown): void;
  };

  it("fits electron-builder's schema, which knows what it refuses", async () => {
    const { load } = packager('js-yaml') as { load(text: string): Record<string, unknown> };
    const config = load(await readFile(join(ROOT, 'electron-builder.yml'), 'utf8'));
    expect(() => validateSchema(schema, structuredClone(config))).not.toThrow();
    expect(() => validateSchema(schema, { ...config, hardenedRuntime: true })).toThrow(/hardenedRuntime/);
  });
});

/** The stand-in has Linux's layout. */
describe.runIf(process.platform === 'linux')('the package', () => {
  beforeAll(async () => {
    buildRenderer();
    folder = await mkdtemp(join(tmpdir(), 'likeness-package-'));
    const electronDist = join(folder, 'electron');
    await makeStandIn(electronDist);
    const { build, Platform, Arch, DIR_TARGET } = await import('electron-builder');
    await build({
      projectDir: ROOT,
      targets: Platform.LINUX.createTarget(DIR_TARGET, process.arch === 'arm64' ? Arch.arm64 : Arch.x64),
      publish: 'never',
      config: {
        extends: join(ROOT, 'electron-builder.yml'),
        electronDist,
        directories: { output: join(folder, 'out') },
      },
    });
    const made = (await readdir(join(folder, 'out'))).find((name) => name.endsWith('unpacked'));
    resources = join(folder, 'out', made ?? '', 'resources');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has our fuses', async () => {
    const executable = await readFile(join(resources, '..', 'likeness-lab'), 'latin1');
    const wire = executable.slice(executable.indexOf(FUSE_SENTINEL) + FUSE_SENTINEL.length + 2);
    const named = (states: string): unknown => FUSES.map((fuse, index) => `${fuse} ${states[index]}`);
    expect(named(wire)).toEqual(named(OURS));
  });

  it('holds what runs on this system and nothing else', async () => {
    const files = asar.listPackage(join(resources, 'app.asar'), { isPack: false });
    const packages = new Set(
      files.flatMap((file) => /^[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/@]+)[\\/]/.exec(file)?.[1] ?? []),
    );
    const binaries = `-${process.platform}-${process.arch}`;
    const { IN_THE_PAGE, shippedPackages } = await readNotices();
    const noticed = shippedPackages()
      .map(({ name }) => name)
      .filter((name) => !IN_THE_PAGE.includes(name))
      .filter((name) => !/^@(img\/sharp|koromix\/koffi)-/.test(name) || name.endsWith(binaries));
    expect([...packages].sort()).toEqual(noticed);
    expect(files.filter((file) => /\.(map|ts|md5|cpp|hpp|cc|hh)$|[\\/](bench-|cli\.js|web\.js)/.test(file))).toEqual(
      [],
    );
    const natives = (await readdir(join(resources, 'app.asar.unpacked'), { recursive: true })).filter((file) =>
      /\.(node|so|so\.[\d.]+|dll|dylib)$/.test(file),
    );
    expect(natives.filter((file) => /win32|darwin|musl/.test(file))).toEqual([]);
    expect(natives.map((file) => file.split(/[\\/]/).at(-1))).toEqual(
      expect.arrayContaining(['koffi.node', 'onnxruntime_binding.node', `${process.platform}-${process.arch}.node`]),
    );
    const assets = await readdir(join(resources, 'assets'), { recursive: true });
    expect(assets).toEqual(expect.arrayContaining(['NOTICES.txt', 'samples/samples.json', 'models/demo/pack.json']));
    expect(assets.filter((file) => /training|icon/.test(file))).toEqual([]);
  });

  it('runs away from the repository, up to a finished picture', async () => {
    const home = await mkdtemp(join(folder, 'run-'));
    await mkdir(join(home, 'node_modules', 'electron'), { recursive: true });
    asar.extractAll(join(resources, 'app.asar'), join(home, 'resources', 'app'));
    await cp(join(resources, 'assets'), join(home, 'resources', 'assets'), { recursive: true });
    const standIn = await mkdtemp(join(folder, 'assets-'));
    if ((await testAssets(standIn)) === standIn) {
      await rm(join(home, 'resources', 'assets', 'models'), { recursive: true });
      await cp(join(standIn, 'models'), join(home, 'resources', 'assets', 'models'), { recursive: true });
    }
    await cp(join(SUPPORT, 'fake-electron.mjs'), join(home, 'node_modules', 'electron', 'index.mjs'));
    await cp(join(SUPPORT, 'drive-packed-app.mjs'), join(home, 'drive.mjs'));
    await writeFile(
      join(home, 'node_modules', 'electron', 'package.json'),
      JSON.stringify({ name: 'electron', exports: { import: './index.mjs', require: './index.cjs' } }),
    );
    await writeFile(join(home, 'node_modules', 'electron', 'index.cjs'), 'module.exports = globalThis.fakeElectron;\n');
    // Electron's Node loads the packed driver; Node 20, where this test may run, cannot, and is given its own.
    if (Number(process.versions['napi']) < 10) {
      for (const name of ['better-sqlite3', 'bindings', 'file-uri-to-path']) {
        await symlink(join(ROOT, 'node_modules', name), join(home, 'node_modules', name));
      }
    }

    // The picture below goes by onnxruntime-node; that of `cuda` needs what calls the C API.
    const calls =
      "const { default: koffi } = await import('koffi'); console.log(koffi.load(null).symbol !== undefined);";
    const called = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', calls], {
      cwd: join(home, 'resources', 'app'),
    });
    expect(called.stdout).toBe('true\n');

    const { stdout } = await promisify(execFile)(process.execPath, ['drive.mjs'], {
      cwd: home,
      env: { PATH: process.env['PATH'], FAKE_ELECTRON_FOLDER: home },
    });
    const seen = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(seen).toMatchObject({
      pages: ['app://likeness/'],
      exposed: ['likenessLab'],
      page: { status: 200 },
      paths: {},
      system: { host: 'electron' },
      run: { samples: 12, faces: 1, status: 'finished', error: null, picture: 200 },
      updates: { told: [NATIVE_TEXTS.de.updates.noFeed], updater: 'AppImageUpdater', version: '0.1.0' },
      errors: [],
    });
    const { files } = seen['page'] as { files: Record<string, number> };
    expect(Object.keys(files).some((name) => name.endsWith('.js'))).toBe(true);
    expect(Object.values(files).every((status) => status === 200)).toBe(true);
    expect(seen['engineStates']).toContain('ready');
    expect(seen['notices']).toContain('onnxruntime-node');
  });
});
