/** What is found of CUDA on made-up computers, and what is said of what is missing, broken or of another version. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CUDA_PACKAGES,
  CUDA_PART_IDS,
  CUDA_PARTS,
  CUDA_SYSTEMS,
  type CudaPartId,
  type CudaSystem,
} from '../../../../../src-main/base/cuda-parts.js';
import type { SearchPlace } from '../../../../../src-main/engine/runtime/cuda/cuda-folders.js';
import { findCuda } from '../../../../../src-main/engine/runtime/cuda/find-cuda.js';
import { madeUpLibrary } from '../../../../support/made-up-library.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'likeness-lab-cuda-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const driver =
  (answer: string | null = '580.95.05, 24564, NVIDIA GeForce RTX 4090') =>
  (program: string): Promise<string> =>
    answer === null || program !== 'nvidia-smi'
      ? Promise.reject(new Error('not found'))
      : Promise.resolve(`${answer}\n`);

const NAMES: Readonly<Record<CudaSystem, Readonly<Record<CudaPartId, string>>>> = {
  'linux-x64': {
    cudart: 'nvidia/cu13/lib/libcudart.so.13',
    nvrtc: 'nvidia/cu13/lib/libnvrtc.so.13',
    cublasLt: 'nvidia/cu13/lib/libcublasLt.so.13',
    cublas: 'nvidia/cu13/lib/libcublas.so.13',
    curand: 'nvidia/cu13/lib/libcurand.so.10',
    cudnn: 'nvidia/cudnn/lib/libcudnn.so.9',
    core: 'onnxruntime/capi/libonnxruntime.so.1.30.0',
    shared: 'onnxruntime/capi/libonnxruntime_providers_shared.so',
    provider: 'onnxruntime/capi/libonnxruntime_providers_cuda.so',
  },
  'win32-x64': {
    cudart: 'nvidia/cu13/bin/x86_64/cudart64_13.dll',
    nvrtc: 'nvidia/cu13/bin/x86_64/nvrtc64_130_0.dll',
    cublasLt: 'nvidia/cu13/bin/x86_64/cublasLt64_13.dll',
    cublas: 'nvidia/cu13/bin/x86_64/cublas64_13.dll',
    curand: 'nvidia/cu13/bin/x86_64/curand64_10.dll',
    cudnn: 'nvidia/cudnn/bin/cudnn64_9.dll',
    core: 'onnxruntime/capi/onnxruntime.dll',
    shared: 'onnxruntime/capi/onnxruntime_providers_shared.dll',
    provider: 'onnxruntime/capi/onnxruntime_providers_cuda.dll',
  },
};

const put = (file: string, bytes: Uint8Array) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
};

/** Packages as pip lays them out. */
function install(
  packages: string,
  system: CudaSystem,
  ids: readonly CudaPartId[] = CUDA_PART_IDS,
  version = '1.30.0',
): void {
  for (const id of ids) {
    const file = join(packages, NAMES[system][id].replace('1.30.0', version));
    put(file, madeUpLibrary(system, id === 'provider' ? `built for ${version}\0` : ''));
    for (const beside of CUDA_PARTS[id].beside[system]) put(join(dirname(file), beside), madeUpLibrary(system));
    const name = CUDA_PARTS[id].package;
    const declared = name === 'onnxruntime-gpu' ? version : CUDA_PACKAGES[name];
    mkdirSync(join(packages, `${name.replaceAll('-', '_')}-${declared}.dist-info`), { recursive: true });
  }
}

const place = (system: CudaSystem, env: Record<string, string> = {}): SearchPlace => ({
  system,
  env,
  home: join(root, 'home'),
  root,
});
const own = () => join(root, 'own');
const find = (system: CudaSystem, run = driver(), env: Record<string, string> = { LIKENESS_LAB_CUDA: own() }) =>
  findCuda(place(system, env), run);
const states = (report: Awaited<ReturnType<typeof findCuda>>) =>
  Object.fromEntries(report.parts.map(({ part, state }) => [part, state]));
const all = (state: string) => Object.fromEntries(CUDA_PART_IDS.map((id) => [id, state]));

describe.each(CUDA_SYSTEMS)('on %s', (system) => {
  it('everything in the app’s own folder is complete, with version and place', async () => {
    install(own(), system);
    const report = await find(system);
    expect(report.complete).toBe(true);
    expect(states(report)).toEqual(all('present'));
    expect(report.driver).toEqual({
      state: 'present',
      expected: '580',
      found: '580.95.05',
      cards: [{ name: 'NVIDIA GeForce RTX 4090', memoryBytes: 24564 * 2 ** 20 }],
    });
    for (const part of report.parts) {
      expect(part.file).toBe(join(own(), NAMES[system][part.part]));
      expect(part.found).toBe(part.expected);
      expect(part.problem).toBeNull();
    }
  });

  it.each(CUDA_PART_IDS)('without %s it is not complete, and the file is named', async (id) => {
    install(own(), system);
    rmSync(join(own(), NAMES[system][id]));
    const report = await find(system);
    expect(report.complete).toBe(false);
    expect(states(report)).toEqual({ ...all('present'), [id]: 'missing' });
    expect(report.parts.find(({ part }) => part === id)?.problem).toMatch(/was not found\.$/);
  });

  it.each(CUDA_PART_IDS)('a cut %s is broken, and its size is said', async (id) => {
    install(own(), system);
    const file = join(own(), NAMES[system][id]);
    truncateSync(file, 200);
    if (system === 'win32-x64') writeFileSync(file, madeUpLibrary(system, 'long enough').subarray(0, 515));
    const report = await find(system);
    const part = report.parts.find((one) => one.part === id);
    expect(part?.state).toBe('broken');
    expect(part?.problem).toMatch(/is cut short: (200|515) bytes of at least \d+\.$/);
  });

  it('a library for another processor or system is broken', async () => {
    install(own(), system);
    const other = madeUpLibrary(system);
    other.writeUInt16LE(183, system === 'linux-x64' ? 18 : 132);
    writeFileSync(join(own(), NAMES[system].cublas), other);
    writeFileSync(
      join(own(), NAMES[system].curand),
      'version https://git-lfs.github.com/spec/v1, a pointer and no library at all',
    );
    const report = await find(system);
    const problem = (id: CudaPartId) => report.parts.find(({ part }) => part === id)?.problem;
    expect(problem('cublas')).toMatch(/is for another processor\.$/);
    expect(problem('curand')).toMatch(/is no (Linux|Windows) library\.$/);
  });

  it('cuDNN without one of its parts is broken, and the part is named', async () => {
    install(own(), system);
    const lost = CUDA_PARTS.cudnn.beside[system][3] as string;
    rmSync(join(dirname(join(own(), NAMES[system].cudnn)), lost));
    const report = await find(system);
    expect(report.parts.find(({ part }) => part === 'cudnn')).toMatchObject({
      state: 'broken',
      problem: expect.stringContaining(`lacks ${lost}`) as string,
    });
  });

  it('a provider that was built for another runtime is refused: loading it can end the process', async () => {
    install(own(), system);
    writeFileSync(join(own(), NAMES[system].provider), madeUpLibrary(system, 'built for 1.29.1\0'));
    const report = await find(system);
    expect(report.complete).toBe(false);
    expect(report.parts.find(({ part }) => part === 'provider')).toMatchObject({
      state: 'other-version',
      problem: expect.stringContaining('was not built for ONNX Runtime 1.30.0') as string,
    });
  });

  it('a newer runtime serves, an older one does not', async () => {
    if (system === 'linux-x64') install(own(), system, undefined, '1.31.1');
    else {
      install(own(), system);
      renameSync(join(own(), 'onnxruntime_gpu-1.30.0.dist-info'), join(own(), 'onnxruntime_gpu-1.31.1.dist-info'));
      writeFileSync(join(own(), NAMES[system].provider), madeUpLibrary(system, 'built for 1.31.1\0'));
    }
    expect((await find(system)).complete).toBe(true);
    rmSync(own(), { recursive: true });
    install(own(), system, undefined, '1.29.1');
    if (system === 'win32-x64')
      rmSync(join(own(), 'onnxruntime_gpu-1.30.0.dist-info'), { force: true, recursive: true });
    const report = await find(system);
    expect(report.complete).toBe(false);
    expect(report.parts.find(({ part }) => part === 'core')).toMatchObject({ state: 'other-version', found: '1.29.1' });
  });

  it('takes NVIDIA’s libraries from a ComfyUI and the runtime from the app’s folder', async () => {
    const environment =
      system === 'linux-x64'
        ? join(root, 'home', 'ComfyUI', '.venv', 'lib', 'python3.12', 'site-packages')
        : join(root, 'ComfyUI_windows_portable', 'python_embeded', 'Lib', 'site-packages');
    const runtime: CudaPartId[] = ['core', 'shared', 'provider'];
    install(
      environment,
      system,
      CUDA_PART_IDS.filter((id) => !runtime.includes(id)),
    );
    install(own(), system, runtime);
    const report = await find(system);
    expect(report.complete).toBe(true);
    expect(report.parts.find(({ part }) => part === 'cublas')?.file).toBe(join(environment, NAMES[system].cublas));
    expect(report.searched).toContain(environment);
  });

  it('takes a whole library elsewhere where the first is broken', async () => {
    install(own(), system);
    const second = join(root, 'second');
    install(second, system);
    truncateSync(join(own(), NAMES[system].curand), 100);
    const report = await find(system, driver(), {
      LIKENESS_LAB_CUDA: [own(), second].join(system === 'linux-x64' ? ':' : ';'),
    });
    expect(report.complete).toBe(true);
    expect(report.parts.find(({ part }) => part === 'curand')?.file).toBe(join(second, NAMES[system].curand));
  });

  it('a folder that vanishes takes everything with it', async () => {
    install(own(), system);
    expect((await find(system)).complete).toBe(true);
    rmSync(own(), { recursive: true });
    const report = await find(system);
    expect(report.complete).toBe(false);
    expect(states(report)).toEqual(all('missing'));
    expect(report.searched).not.toContain(own());
  });

  it('finds nothing on an empty computer, without an error', async () => {
    const report = await find(system, driver(null), {});
    expect(report).toMatchObject({ complete: false, driver: { state: 'missing', found: null, cards: [] } });
    expect(states(report)).toEqual(all('missing'));
  });

  it('an old driver and a missing one are told apart', async () => {
    install(own(), system);
    const old = await find(system, driver('570.124.06, 8188, NVIDIA GeForce RTX 3070'));
    expect(old).toMatchObject({ complete: false, driver: { state: 'old', found: '570.124.06' } });
    expect(await find(system, driver(null))).toMatchObject({ complete: false, driver: { state: 'missing' } });
  });
});

describe('on Linux', () => {
  it('reads the driver’s version where nvidia-smi is missing', async () => {
    const text =
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  575.57.08  Sat May 24 00:00:00 UTC 2025\nGCC version: 12\n';
    put(join(root, 'proc/driver/nvidia/version'), Buffer.from(text));
    expect((await find('linux-x64', driver(null))).driver).toMatchObject({ state: 'old', found: '575.57.08' });
  });

  it('counts a driver whose version nothing tells as present', async () => {
    put(join(root, 'usr/lib/x86_64-linux-gnu/libcuda.so.1'), madeUpLibrary('linux-x64'));
    expect((await find('linux-x64', driver(null))).driver).toMatchObject({ state: 'present', found: null });
  });

  it('reads versions of the loader’s libraries from the files they are links to', async () => {
    const folder = join(root, 'libraries');
    put(join(folder, 'libcudart.so.13.0.48'), madeUpLibrary('linux-x64'));
    symlinkSync('libcudart.so.13.0.48', join(folder, 'libcudart.so.13'));
    const report = await find('linux-x64', driver(), { LD_LIBRARY_PATH: folder });
    expect(report.parts.find(({ part }) => part === 'cudart')).toMatchObject({
      state: 'present',
      found: '13.0.48',
      file: join(folder, 'libcudart.so.13'),
    });
  });
});
