import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes the latents after a step as `step-003.f32`, for measuring how far a run leaves another's path. Not synced:
 * after a crash they are of no use.
 *
 * @param step 1-based
 * @param latents packed [S, inChannels] f32; read only, written little-endian
 */
export async function saveLatents(folder: string, step: number, latents: Float32Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const bytes = Buffer.from(latents.buffer, latents.byteOffset, latents.byteLength);
  await writeFile(join(folder, `step-${String(step).padStart(3, '0')}.f32`), bytes);
}
