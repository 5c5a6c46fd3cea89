/**
 * Free memory of the first GPU, read once.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const MIB = 1024 * 1024;
/** nvidia-smi answers in well under a second; a hung driver must not hang the app. */
const TIMEOUT_MS = 3000;

/** Null where no driver tells. */
export async function readFreeDeviceMemory(): Promise<{ readonly bytes: number; readonly source: string } | null> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=memory.free', '--format=csv,noheader,nounits', '--id=0'],
      { timeout: TIMEOUT_MS },
    );
    const mib = Number.parseInt(stdout, 10);
    return Number.isFinite(mib) ? { bytes: mib * MIB, source: 'nvidia-smi memory.free' } : null;
  } catch {
    // No NVIDIA driver: the caller shows that the figure is unknown.
    return null;
  }
}
