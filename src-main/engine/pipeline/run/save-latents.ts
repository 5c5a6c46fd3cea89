import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../../../base/disk-error.js';
import { stepFileName } from '../../../base/step-file.js';

/**
 * Writes the latents after a step as `step-003.f32`, for comparing the trajectories of runs. Not synced, since they are
 * useless after a crash.
 *
 * @param step 1-based
 * @param latents packed [S, inChannels] f32; read only, written little-endian
 * @throws AppError disk.full, disk.failed
 */
export async function saveLatents(folder: string, step: number, latents: Float32Array): Promise<void> {
  const name = stepFileName(step, 'f32');
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), Buffer.from(latents.buffer, latents.byteOffset, latents.byteLength));
  } catch (error) {
    throw diskError(error, `write ${name}`);
  }
}
