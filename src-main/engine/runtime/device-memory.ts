/** Reads the memory of a provider's device once. */
import { execFile } from 'node:child_process';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { DeviceChoice } from '../protocol.js';
import { openAmdMemory } from './amd-memory.js';

const MIB = 1024 * 1024;
/** nvidia-smi answers in well under a second; a hung driver must not block the app. */
const TIMEOUT_MS = 3000;

export interface DeviceMemory {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Source of the figures, for people. */
  readonly source: string;
}

/**
 * nvidia-smi's id of a device; null when unknown. CUDA's index counts the list of CUDA_VISIBLE_DEVICES. DirectML's counts
 * Direct3D's adapters; only the first, the system's own choice, is taken as the first card. WebGPU chooses its device
 * itself.
 */
export function nvidiaId(
  { provider, deviceId = 0 }: DeviceChoice,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | null {
  if (provider === 'dml' && deviceId !== 0) return null;
  const visible = provider === 'cuda' ? env['CUDA_VISIBLE_DEVICES']?.split(',') : undefined;
  return visible?.[deviceId]?.trim() ?? String(deviceId);
}

/** Whether the driver says that a card does nothing; false where it does not say. */
export async function isCardIdle(device: DeviceChoice): Promise<boolean> {
  const id = nvidiaId(device);
  const answer = id === null ? null : await askNvidia('utilization.gpu', id);
  return answer !== null && Number.parseInt(answer, 10) === 0;
}

/** Null without a driver that reports it. */
export async function readDeviceMemory(device: DeviceChoice): Promise<DeviceMemory | null> {
  if (device.provider === 'cpu') {
    // Knows a container's limits, unlike the operating system's figure.
    return { freeBytes: process.availableMemory(), totalBytes: totalmem(), source: 'free host memory' };
  }
  const id = nvidiaId(device);
  return (id === null ? null : await readNvidia(id)) ?? readAmd();
}

async function readNvidia(id: string): Promise<DeviceMemory | null> {
  const answer = await askNvidia('memory.free,memory.total', id);
  const [free, total] = (answer ?? '').split(',').map((mib) => Number.parseInt(mib, 10) * MIB);
  if (free === undefined || total === undefined || !Number.isFinite(free) || !Number.isFinite(total)) return null;
  return { freeBytes: free, totalBytes: total, source: 'nvidia-smi memory.free' };
}

/** A line of nvidia-smi's answer; null without an NVIDIA driver. */
async function askNvidia(fields: string, id: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      [`--query-gpu=${fields}`, '--format=csv,noheader,nounits', `--id=${id}`],
      { timeout: TIMEOUT_MS },
    );
    return stdout;
  } catch {
    // The caller shows that the figure is unknown.
    return null;
  }
}

function readAmd(): DeviceMemory | null {
  const amd = openAmdMemory();
  const used = amd?.used() ?? null;
  if (amd === null || used === null || amd.totalBytes === null) return null;
  return { freeBytes: amd.totalBytes - used, totalBytes: amd.totalBytes, source: 'amdgpu mem_info_vram' };
}
