/** The C API of the runtime that was found for CUDA, with NVIDIA's libraries loaded before it. */
import { delimiter, dirname } from 'node:path';
import { AppError } from '../../../base/app-error.js';
import { CUDA_PART_IDS, RUNTIME_PARTS } from '../../../base/cuda-parts.js';
import type { CudaReport } from '../../protocol.js';
import type { Binding, SessionSettings } from '../binding.js';
import { watchStalledCalls } from '../capi/stalled-calls.js';
import { isCardIdle } from '../device-memory.js';
import { cudaOptions } from '../provider-options.js';
import { remedyOf } from '../runtime-error.js';
import { findCuda, searchPlace } from './find-cuda.js';

let bound: Promise<Binding> | null = null;

/** Found and loaded once per process; after a failure again. @throws AppError engine.provider-unavailable */
export function cudaBinding(): Promise<Binding> {
  bound ??= bind().catch((error: unknown) => {
    bound = null;
    throw error;
  });
  return bound;
}

async function bind(): Promise<Binding> {
  const place = searchPlace();
  if (place === null) {
    throw unavailable(`there is no CUDA for ${process.platform}-${process.arch}`, []);
  }
  const report = await findCuda(place);
  if (!report.complete) throw unavailable(whatLacks(report), problemsOf(report));
  // Each session has a handle of cuBLAS, whose workspace of 32 MiB (Hopper) makes no product here faster.
  process.env['CUBLAS_WORKSPACE_CONFIG'] ??= ':4096:1';
  // Only where it is used: a system without a build of koffi keeps the other providers.
  const { loadGlobal } = await import('../capi/load-global.js');
  const { capiBinding } = await import('../capi/capi-binding.js');
  const { CudaDevice } = await import('../capi/blocks/cuda-device.js');
  const { runningCalls } = await import('../capi/runtime-thread.js');
  const file = (id: string) => report.parts.find(({ part }) => part === id)?.file ?? '';
  if (place.system === 'win32-x64')
    findFirst(report.parts.flatMap((part) => (part.file === null ? [] : dirname(part.file))));
  for (const id of CUDA_PART_IDS) {
    if (RUNTIME_PARTS.includes(id)) continue;
    try {
      loadGlobal(file(id));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw unavailable(`${file(id)} cannot be loaded: ${reason}`, [reason], cause);
    }
  }
  let deviceId = 0;
  watchStalledCalls({ running: runningCalls, cardIsIdle: () => isCardIdle({ provider: 'cuda', deviceId }) });
  const optionsOf = (settings: SessionSettings) => {
    deviceId = settings.deviceId ?? 0;
    return cudaOptions(settings);
  };
  return capiBinding(file('core'), {
    cuda: optionsOf,
    blocks: (settings) => new CudaDevice(file('cudart'), settings.deviceId ?? 0, optionsOf(settings)),
  });
}

/** cuDNN and NVRTC load their own parts by name, for which Windows reads the path at that time. Linux's know their folder. */
function findFirst(folders: readonly string[]): void {
  process.env['PATH'] = [...new Set(folders), process.env['PATH'] ?? ''].join(delimiter);
}

/** The first thing that lacks, in a clause. */
function whatLacks(report: CudaReport): string {
  const { driver } = report;
  if (driver.state === 'missing') return `there is no NVIDIA driver; ${driver.expected} or newer is needed`;
  if (driver.state === 'old') {
    return `the NVIDIA driver is ${driver.found ?? 'old'}; ${driver.expected} or newer is needed`;
  }
  const missing = report.parts.filter(({ state }) => state === 'missing').map(({ name }) => name);
  if (missing.length > 0) return `these libraries are missing: ${missing.join(', ')}`;
  return report.parts.find(({ problem }) => problem !== null)?.problem?.replace(/\.$/, '') ?? 'it is incomplete';
}

function problemsOf(report: CudaReport): string[] {
  return report.parts.flatMap(({ problem }) => problem ?? []);
}

function unavailable(why: string, problems: readonly string[], cause?: unknown): AppError {
  return new AppError('engine.provider-unavailable', `The cuda provider cannot be used on this computer: ${why}.`, {
    remedy: remedyOf('cuda'),
    details: { provider: 'cuda', problems: problems.join(' ') },
    cause,
  });
}
