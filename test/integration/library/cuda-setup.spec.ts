/** Setting up CUDA's libraries from made-up wheels and by a made-up pip: whole, interrupted, damaged, on a full disk. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError, isAbort } from '../../../src-main/base/app-error.js';
import { CUDA_PACKAGES, CUDA_SYSTEMS, type CudaSystem } from '../../../src-main/base/cuda-parts.js';
import { findCuda } from '../../../src-main/engine/runtime/cuda/find-cuda.js';
import { planSetup } from '../../../src-main/library/cuda-plan.js';
import {
  removeSetup,
  setUpFromWheels,
  setUpWithTool,
  type SetupProgress,
  type SetupRequest,
} from '../../../src-main/library/cuda-setup.js';
import { CUDA_WHEELS, type WheelTable } from '../../../src-main/library/cuda-wheels.js';
import { reasonOf } from '../../../src-main/library/download-error.js';
import type { PipTool } from '../../../src-main/library/pip-tool.js';
import { makePip } from '../../support/made-up-pip.js';
import { makeWheels as makeWheelsIn, PACKAGES } from '../../support/made-up-wheels.js';
import { writeZip } from '../../support/write-zip.js';
import { runCli, runCliWith } from '../support/run-cli.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-cuda-setup-'));
  await mkdir(join(folder, 'wheels'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const wheels = () => join(folder, 'wheels');
const target = () => join(folder, 'cuda');
const makeWheels = (system: CudaSystem): WheelTable => makeWheelsIn(wheels(), system);

function request(table: WheelTable, rest: Partial<SetupRequest> = {}): SetupRequest {
  const system: CudaSystem = 'linux-x64';
  return {
    system,
    folder: target(),
    table,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    freeBytes: () => Promise.resolve(1e12),
    ...rest,
  };
}

const missing = async (table: WheelTable) => (await planSetup(request(table))).missing.map(({ name }) => name);

function tree(root: string): Record<string, string> {
  const files = (readdirSync(root, { recursive: true }) as string[]).filter((file) =>
    statSync(join(root, file)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(join(root, file)))
        .digest('hex'),
    ]),
  );
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, found ${String(error)}`);
  return error;
}

const driver = () => Promise.resolve('580.95.05, 24564, NVIDIA GeForce RTX 4090\n');

describe.each(CUDA_SYSTEMS)('wheels for %s', (system) => {
  it('are set up to what the search finds complete, and nothing else is unpacked', async () => {
    const table = makeWheels(system);
    const seen: SetupProgress[] = [];
    await setUpFromWheels(request(table, { system, onProgress: (progress) => seen.push(progress) }), wheels());
    const place = {
      system,
      env: { LIKENESS_LAB_CUDA: target() },
      home: join(folder, 'home'),
      root: join(folder, 'root'),
    };
    const report = await findCuda(place, driver);
    expect(report.parts.filter(({ state }) => state !== 'present')).toEqual([]);
    expect(report.complete).toBe(true);
    for (const { found, expected } of report.parts) expect(found).toBe(expected);
    const names = Object.keys(tree(target()));
    expect(names.filter((name) => /tensorrt|pybind|evil|\.py$|incomplete|lock/.test(name))).toEqual([]);
    expect(new Set(seen.map(({ package: name }) => name))).toEqual(new Set(PACKAGES));
    expect((await planSetup(request(table, { system }))).missing).toEqual([]);
  });
});

describe('a set-up from wheels', () => {
  it('that is interrupted at any step is taken up again, and nothing half has its final name', async () => {
    const table = makeWheels('linux-x64');
    let steps = 0;
    await setUpFromWheels(request(table, { onProgress: () => steps++ }), wheels());
    const whole = tree(target());
    expect(steps).toBeGreaterThan(25);
    for (let stopAt = 1; stopAt <= steps; stopAt++) {
      await rm(target(), { recursive: true });
      const controller = new AbortController();
      let step = 0;
      const stopped = await setUpFromWheels(
        request(table, { signal: controller.signal, onProgress: () => ++step === stopAt && controller.abort() }),
        wheels(),
      ).catch((error: unknown) => error);
      // After the last piece of the last library nothing asks any more.
      expect(stopped === undefined || isAbort(stopped), String(stopped)).toBe(true);
      for (const [file, hash] of Object.entries(tree(target()))) {
        if (!file.endsWith('.incomplete')) expect(hash, `${file} after step ${stopAt}`).toBe(whole[file]);
      }
      await setUpFromWheels(request(table), wheels());
      expect(tree(target())).toEqual(whole);
    }
  });

  it('keeps what is whole and repairs what is cut, also after a process that was killed', async () => {
    const table = makeWheels('linux-x64');
    await setUpFromWheels(request(table), wheels());
    const whole = tree(target());
    const library = join(target(), 'nvidia', 'cu13', 'lib', 'libcublas.so.13');
    const other = join(target(), 'nvidia', 'cu13', 'lib', 'libcublasLt.so.13');
    const kept = statSync(other).mtimeMs;
    await writeFile(library, 'cut');
    await writeFile(`${library}.incomplete`, 'cut');
    // Of a process that is gone.
    await writeFile(join(target(), '.download.lock'), '999999999');
    expect(await missing(table)).toEqual(['nvidia-cublas']);
    await setUpFromWheels(request(table), wheels());
    expect(tree(target())).toEqual(whole);
    expect(statSync(other).mtimeMs).toBe(kept);
  });

  it('removes another version of a package with its files', async () => {
    const table = makeWheels('linux-x64');
    await mkdir(join(target(), 'nvidia_curand-10.0.0.1.dist-info'), { recursive: true });
    await mkdir(join(target(), 'nvidia', 'cu13', 'lib'), { recursive: true });
    const old = { files: [{ path: 'nvidia/cu13/lib/libcurand_old.so.10', bytes: 3 }] };
    await writeFile(join(target(), 'nvidia_curand-10.0.0.1.dist-info', 'likeness-lab.json'), JSON.stringify(old));
    await writeFile(join(target(), 'nvidia/cu13/lib/libcurand_old.so.10'), 'old');
    await setUpFromWheels(request(table), wheels());
    expect(Object.keys(tree(target())).filter((name) => /old|10\.0\.0\.1/.test(name))).toEqual([]);
  });

  it('names the wheels that are missing, and those of other versions', async () => {
    const table = makeWheels('linux-x64');
    await rm(join(wheels(), 'nvidia_curand-10.4.5.25-py3-none-any.whl'));
    await writeFile(join(wheels(), 'nvidia_curand-10.3.1.1-py3-none-any.whl'), 'other');
    const error = await failure(setUpFromWheels(request(table), wheels()));
    expect(reasonOf(error)).toBe('not-found');
    expect(error.message).toContain(
      'lacks the wheels of nvidia-curand 10.4.5.25. It has nvidia_curand-10.3.1.1-py3-none-any.whl',
    );
    expect(error.remedy).toContain('nvidia_curand-10.4.5.25-py3-none-any.whl');
    expect(existsSync(join(target(), 'nvidia'))).toBe(false);
    expect((await failure(setUpFromWheels(request(table), join(folder, 'none')))).code).toBe('disk.failed');
  });

  it.each([
    ['another length', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)]), /it has \d+ bytes, expected \d+/],
    [
      'another byte',
      (bytes: Buffer) => (bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60), bytes),
      /its sha256 is [0-9a-f]{64}, expected/,
    ],
  ])('refuses a wheel with %s, and unpacks nothing of it', async (_what, change, message) => {
    const table = makeWheels('linux-x64');
    const file = join(wheels(), 'nvidia_curand-10.4.5.25-py3-none-any.whl');
    await writeFile(file, change(readFileSync(file)));
    const error = await failure(setUpFromWheels(request(table), wheels()));
    expect(reasonOf(error)).toBe('checksum');
    expect(error.message).toMatch(message);
    expect(existsSync(join(target(), 'nvidia', 'cu13', 'lib', 'libcurand.so.10'))).toBe(false);
  });

  it.each([
    ['outside', { '../libevil.so': Buffer.from('evil') }],
    ['to the root', { '/libevil.so': Buffer.from('evil') }],
    ['outside below a known folder', { 'nvidia/../../lib/libevil.so': Buffer.from('evil') }],
    ['nothing that is wanted', { 'README.md': Buffer.from('text') }],
  ])('refuses a package that leads %s', async (_what, files) => {
    const table = makeWheels('linux-x64');
    const name = 'nvidia_curand-10.4.5.25-py3-none-any.whl';
    writeZip(join(wheels(), name), files);
    const bytes = readFileSync(join(wheels(), name));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const entry = { unpackedBytes: 4, wheels: [{ name, bytes: bytes.length, sha256 }] };
    const changed = { ...table, 'nvidia-curand': { 'linux-x64': entry, 'win32-x64': entry } };
    const error = await failure(setUpFromWheels(request(changed), wheels()));
    expect(error.code).toBe('download.failed');
    expect((readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.includes('evil'))).toEqual([]);
  });

  it('does not begin where the space is short, and says how much it needs', async () => {
    const table = makeWheels('linux-x64');
    const error = await failure(
      setUpFromWheels(request(table, { freeBytes: () => Promise.resolve(2 ** 28) }), wheels()),
    );
    expect(error.code).toBe('disk.full');
    expect(existsSync(join(target(), 'nvidia'))).toBe(false);
  });

  it('is deleted without what lies beside it, and says what it needed and has', async () => {
    const table = makeWheels('linux-x64');
    const before = await planSetup(request(table));
    expect(before).toMatchObject({ installedBytes: 0, freeBytes: 1e12 });
    expect(before.neededBytes.tool).toBeGreaterThan(before.neededBytes.wheels);
    expect(before.missing.map(({ file }) => existsSync(join(wheels(), file)))).not.toContain(false);
    await setUpFromWheels(request(table), wheels());
    const after = await planSetup(request(table));
    expect(after).toMatchObject({ missing: [], unpackedBytes: 0, installedBytes: before.unpackedBytes });
    expect(after.neededBytes).toEqual({ wheels: 0, tool: 0 });
    await mkdir(join(target(), '.part', 'packages'), { recursive: true });
    await writeFile(join(target(), 'mine.txt'), 'kept');
    await removeSetup(target());
    expect(readdirSync(target())).toEqual(['mine.txt']);
    await removeSetup(join(folder, 'none'));
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  it('runs once at a time', async () => {
    const table = makeWheels('linux-x64');
    // Either may be first.
    const both = await Promise.allSettled([0, 1].map(() => setUpFromWheels(request(table), wheels())));
    const refused = both.filter((one) => one.status === 'rejected');
    expect(refused.map(({ reason }) => reasonOf(reason))).toEqual(['busy']);
  });
});

describe('a set-up by pip', () => {
  let tool: PipTool;
  beforeEach(async () => {
    tool = await makePip(folder, 'linux-x64');
  });

  it('gives the same files as the wheels, asks with hashes, and writes into its folder alone', async () => {
    const table = makeWheels('linux-x64');
    await setUpFromWheels(request(table, { folder: join(folder, 'by-wheels') }), wheels());
    const seen: SetupProgress[] = [];
    await setUpWithTool(request(table, { onProgress: (progress) => seen.push(progress) }), tool);
    expect(tree(target())).toEqual(tree(join(folder, 'by-wheels')));
    const done = seen.map(({ doneBytes }) => doneBytes);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBeGreaterThan(0.9 * (seen.at(-1)?.totalBytes ?? NaN));
    expect(existsSync(join(target(), '.part'))).toBe(false);
    const asked = readFileSync(join(folder, 'asked.txt'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { args: string[]; cache: string; temp: string; requirements: string });
    expect(asked).toHaveLength(PACKAGES.length);
    for (const { args, cache, temp, requirements } of asked) {
      expect(args).toEqual(
        expect.arrayContaining(['--require-hashes', '--no-deps', '--only-binary=:all:', '--target']),
      );
      for (const path of [cache, temp, args[args.indexOf('--target') + 1] ?? ''])
        expect(path.startsWith(join(target(), '.part'))).toBe(true);
      expect(requirements).toMatch(/^[\w-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}\n$/);
    }
  });

  it('that fails says what pip said, keeps the packages before, and goes on with the next attempt', async () => {
    const table = makeWheels('linux-x64');
    const [, , third = ''] = PACKAGES;
    await writeFile(join(folder, `fail-${third}`), '');
    const error = await failure(setUpWithTool(request(table), tool));
    expect(error).toMatchObject({ code: 'download.failed', retryable: true });
    expect(error.message).toBe(`pip 99 could not fetch ${third}: ERROR: No matching distribution found for ${third}`);
    expect(await missing(table)).toEqual(PACKAGES.slice(2));
    await rm(join(folder, `fail-${third}`));
    await setUpWithTool(request(table), tool);
    expect(await missing(table)).toEqual([]);
  });

  it('that is cancelled ends pip', async () => {
    const table = makeWheels('linux-x64');
    await writeFile(join(folder, `wait-${PACKAGES[0] ?? ''}`), '');
    const controller = new AbortController();
    const run = setUpWithTool(request(table, { signal: controller.signal }), tool).catch((error: unknown) => error);
    while (!existsSync(join(folder, 'asked.txt'))) await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    expect(isAbort(await run)).toBe(true);
  });
});

describe('the requirements table', () => {
  it('has a wheel of each package for each system, of the version that is named', () => {
    for (const name of PACKAGES) {
      for (const system of CUDA_SYSTEMS) {
        const { wheels: files, unpackedBytes } = CUDA_WHEELS[name]?.[system] ?? { wheels: [], unpackedBytes: 0 };
        expect(files.length).toBeGreaterThan(0);
        expect(unpackedBytes).toBeGreaterThan(500_000);
        for (const { name: file, sha256 } of files) {
          expect(file.startsWith(`${name.replaceAll('-', '_')}-${CUDA_PACKAGES[name]}-`)).toBe(true);
          expect(file).toContain(system === 'linux-x64' ? 'x86_64' : 'win_amd64');
          expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        }
      }
    }
  });
});

describe('the command line', () => {
  it('says of each provider whether it works, and of CUDA what lacks', async () => {
    const ran = await runCliWith({ LIKENESS_LAB_CUDA: folder }, 'providers', '--json');
    expect(ran.code).toBe(0);
    const { providers, cuda } = JSON.parse(ran.stdout) as {
      providers: { provider: string; available: boolean }[];
      cuda: unknown;
    };
    expect(providers.find(({ provider }) => provider === 'cpu')?.available).toBe(true);
    if (process.platform !== 'darwin') expect(cuda).toMatchObject({ driver: { expected: '580' } });
    expect((await runCli('providers')).stdout).toMatch(/^provider +works\ncpu +yes/);
  });

  it.skipIf(process.platform === 'darwin')(
    'says what a set-up takes, and refuses a folder without wheels',
    async () => {
      const plan = await runCli('providers', 'setup-cuda', '--to', target());
      expect(plan.stdout).toContain('To set up: nvidia-cuda-runtime, ');
      expect(plan.stdout).toContain('--no-deps --only-binary=:all:');
      expect(existsSync(target())).toBe(false);
      const refused = await runCli('providers', 'setup-cuda', wheels(), '--to', target());
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('lacks the wheels of nvidia-cuda-runtime 13.5.37, ');
    },
  );
});
