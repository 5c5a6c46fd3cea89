/** NVIDIA's driver and cards, from nvidia-smi or, without it, from what the driver leaves in the file system. */
import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CUDA_DRIVER } from '../../../base/cuda-parts.js';
import type { CudaDriverReport } from '../../protocol.js';
import type { SearchPlace } from './cuda-folders.js';

const MIB = 2 ** 20;
/** nvidia-smi answers in well under a second; a hung driver must not block the app. */
const TIMEOUT_MS = 5000;

/** Runs a program and returns its output. @throws Error when it is missing or fails */
export type RunProgram = (program: string, args: readonly string[]) => Promise<string>;

const runProgram: RunProgram = async (program, args) =>
  (await promisify(execFile)(program, [...args], { timeout: TIMEOUT_MS, windowsHide: true })).stdout;

/** Never throws. */
export async function nvidiaDriver(place: SearchPlace, run: RunProgram = runProgram): Promise<CudaDriverReport> {
  const query = ['--query-gpu=driver_version,memory.total,name', '--format=csv,noheader,nounits'];
  const lines = await run('nvidia-smi', query).then(
    (text) => text.trim().split('\n'),
    () => [],
  );
  const rows = lines
    .map((line) => /^(\d+(?:\.\d+)+), *([^,]*), *(.+)$/.exec(line.trim()))
    .filter((row) => row !== null);
  const cards = rows.map(([, , mib = '', name = '']) => {
    const size = Number.parseInt(mib, 10);
    return { name, memoryBytes: Number.isFinite(size) ? size * MIB : null };
  });
  const found = rows[0]?.[1] ?? (await versionFromKernel(place));
  const present = found !== null || (await hasDriverLibrary(place));
  const old = found !== null && Number.parseInt(found, 10) < Number(CUDA_DRIVER);
  return { state: !present ? 'missing' : old ? 'old' : 'present', expected: CUDA_DRIVER, found, cards };
}

/** @source /proc/driver/nvidia/version, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05 …" */
async function versionFromKernel({ system, root }: SearchPlace): Promise<string | null> {
  if (system !== 'linux-x64') return null;
  const text = await readFile(join(root, 'proc', 'driver', 'nvidia', 'version'), 'utf8').catch(() => '');
  return /NVRM version:.*?\s(\d{3,}\.\d+(?:\.\d+)*)\s/.exec(text)?.[1] ?? null;
}

async function hasDriverLibrary({ system, env, root }: SearchPlace): Promise<boolean> {
  const folders =
    system === 'win32-x64'
      ? [join(root, 'Windows', 'System32')]
      : [
          ...(env['LD_LIBRARY_PATH'] ?? '').split(':').filter((path) => path !== ''),
          ...['usr/lib/x86_64-linux-gnu', 'usr/lib64', 'usr/lib/wsl/lib', 'usr/local/nvidia/lib64'].map((path) =>
            join(root, path),
          ),
        ];
  const name = system === 'win32-x64' ? 'nvcuda.dll' : 'libcuda.so.1';
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
