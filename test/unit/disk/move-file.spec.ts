import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAbort } from '../../../src-main/base/app-error.js';
import { MOVING, moveFile } from '../../../src-main/disk/move-file.js';

let folder: string;
let from: string;
let to: string;
const bytes = Buffer.alloc(20 * 2 ** 20, 'weights ');
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-move-'));
  [from, to] = [join(folder, 'from'), join(folder, 'to')];
  await writeFile(from, bytes);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** As of another drive. */
const rename = (): Promise<never> => Promise.reject(Object.assign(new Error('EXDEV'), { code: 'EXDEV' }));

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

describe('a file', () => {
  it('is renamed on its drive', async () => {
    const seen: number[] = [];
    await moveFile(from, to, { onBytes: (count) => seen.push(count) });
    expect(seen).toEqual([]);
    expect(await readdir(folder)).toEqual(['to']);
  });

  it('is copied to another drive, whole, and replaces one of its name', async () => {
    await writeFile(to, 'old');
    const seen: number[] = [];
    await moveFile(from, to, { rename, onBytes: (count) => seen.push(count / 2 ** 20) });
    expect(seen).toEqual([8, 16, 20]);
    expect(await readdir(folder)).toEqual(['to']);
    expect((await readFile(to)).equals(bytes)).toBe(true);
  });

  it('stays where it is when the move is interrupted, and goes on at the place', async () => {
    const controller = new AbortController();
    const interrupted = moveFile(from, to, { rename, signal: controller.signal, onBytes: () => controller.abort() });
    expect(isAbort(await failure(interrupted))).toBe(true);
    expect((await readdir(folder)).toSorted()).toEqual(['from', `to${MOVING}`]);
    const seen: number[] = [];
    await moveFile(from, to, { rename, onBytes: (count) => seen.push(count / 2 ** 20) });
    expect(seen).toEqual([16, 20]);
    expect((await readFile(to)).equals(bytes)).toBe(true);
  });

  it('begins again where the copy is longer than it', async () => {
    await writeFile(`${to}${MOVING}`, '');
    await truncate(`${to}${MOVING}`, bytes.byteLength + 1);
    await moveFile(from, to, { rename });
    expect((await readFile(to)).equals(bytes)).toBe(true);
  });

  it('keeps its place when it cannot be moved', async () => {
    const failed = await failure(moveFile(from, join(folder, 'none', 'to'), { rename }));
    expect(failed).toMatchObject({ code: 'ENOENT' });
    expect(await readdir(folder)).toEqual(['from']);
  });
});
