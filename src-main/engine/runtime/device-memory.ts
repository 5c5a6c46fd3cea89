/**
 * Memory of the device that a provider computes on, read once.
 */
import { execFile } from 'node:child_process';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Provider } from '../protocol.js';
import { openAmdMemory } from './amd-memory.js';

const MIB = 1024 * 1024;
/** nvidia-smi answers in well under a second; a hung driver must not hang the app. */
const TIMEOUT_MS = 3000;

export interface DeviceMemory {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Where the figures come from, for people. */
  readonly source: string;
}

/** Null where no driver tells. */
export async function readDeviceMemory(provider: Provider): Promise<DeviceMemory | null> {
  if (provider === 'cpu') {
    // Knows the limits of a container, which the operating system's figure does not.
    return { freeBytes: process.availableMemory(), totalBytes: totalmem(), source: 'free host memory' };
  }
  return (await readNvidia()) ?? readAmd();
}

async function readNvidia(): Promise<DeviceMemory | null> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=memory.free,memory.total', '--format=csv,noheader,nounits', '--id=0'],
      { timeout: TIMEOUT_MS },
    );
    const [free, total] = stdout.split(',').map((mib) => Number.parseInt(mib, 10) * MIB);
    if (free === undefined || total === undefined || !Number.isFinite(free) || !Number.isFinite(total)) return null;
    return { freeBytes: free, totalBytes: total, source: 'nvidia-smi memory.free' };
  } catch {
    // No NVIDIA driver: the caller shows that the figure is unknown.
    return null;
  }
}

function readAmd(): DeviceMemory | null {
  const amd = openAmdMemory();
  const used = amd?.used() ?? null;
  if (amd === null || used === null || amd.totalBytes === null) return null;
  return { freeBytes: amd.totalBytes - used, totalBytes: amd.totalBytes, source: 'amdgpu mem_info_vram' };
}
