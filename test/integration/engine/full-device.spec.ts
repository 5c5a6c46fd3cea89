/** What the engine writes beside pictures, on a device that is always full. */
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveLatents } from '../../../src-main/engine/pipeline/run/save-latents.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-full-device-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(process.platform !== 'linux')('/dev/full', () => {
  it('stops the latents of a step with words, so that the queue waits', async () => {
    const latents = join(folder, 'latents');
    await mkdir(latents);
    await symlink('/dev/full', join(latents, 'step-003.f32'));
    await expect(saveLatents(latents, 3, new Float32Array(8))).rejects.toMatchObject({
      code: 'disk.full',
      message: 'The disk is full: there is no space left to write step-003.f32.',
    });
    expect(await readdir(latents)).toEqual(['step-003.f32']);
  });
});
