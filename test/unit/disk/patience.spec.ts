import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import {
  isHeld,
  patienceOf,
  patiently,
  patientlySync,
  removeFile,
  removeFolder,
  renameFile,
  type Patience,
} from '../../../src-main/disk/patience.js';

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: not now`), { code, syscall: 'rename' });
}

/** The patience of Windows, without waiting; `slept` has what would have been waited. */
function counted(): { readonly patience: Patience; readonly slept: number[] } {
  const slept: number[] = [];
  const note = (ms: number): void => void slept.push(ms);
  return {
    patience: { ...patienceOf('win32'), sleepSync: note, sleep: (ms) => Promise.resolve(note(ms)) },
    slept,
  };
}

/** Fails with the codes one after the other, then succeeds. */
function failing(...codes: readonly string[]): () => string {
  const left = [...codes];
  return () => {
    const code = left.shift();
    if (code !== undefined) throw failure(code);
    return 'done';
  };
}

describe('patiently', () => {
  it.each(['EBUSY', 'EPERM', 'EACCES', 'ENOTEMPTY'])('tries again after %s', async (code) => {
    const { patience, slept } = counted();
    const act = failing(code, code, code);
    await expect(patiently(() => Promise.resolve().then(act), patience)).resolves.toBe('done');
    expect(slept).toHaveLength(3);
    expect(patientlySync(failing(code), patience)).toBe('done');
  });

  it('gives up after four seconds, with the last failure', async () => {
    const { patience, slept } = counted();
    let tries = 0;
    const act = (): Promise<never> => {
      tries += 1;
      return Promise.reject(failure('EBUSY'));
    };
    await expect(patiently(act, patience)).rejects.toMatchObject({ code: 'EBUSY' });
    expect(tries).toBe(slept.length + 1);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(4100);
  });

  it.each(['ENOENT', 'ENOSPC', 'EXDEV', 'EISDIR'])('does not wait for what stays so: %s', async (code) => {
    const { patience, slept } = counted();
    await expect(patiently(() => Promise.reject(failure(code)), patience)).rejects.toMatchObject({ code });
    expect(() => patientlySync(failing(code), patience)).toThrow(code);
    expect(slept).toEqual([]);
  });

  it('does not wait on systems that know no such locks', async () => {
    const before = performance.now();
    await expect(patiently(() => Promise.reject(failure('EACCES')), patienceOf('linux'))).rejects.toThrow('EACCES');
    expect(performance.now() - before).toBeLessThan(200);
  });

  it('really waits', async () => {
    const { waitsMs, ...rest } = patienceOf('win32');
    const before = performance.now();
    await patiently(() => Promise.resolve().then(failingOnce), { ...rest, waitsMs: waitsMs.slice(0, 2) });
    patientlySync(failing('EBUSY'), { ...rest, waitsMs: [20] });
    expect(performance.now() - before).toBeGreaterThanOrEqual(25);
  });
  const failingOnce = failing('EPERM');
});

describe('isHeld', () => {
  it('sees through an AppError to its cause, and nothing in other errors', () => {
    expect(isHeld(new AppError('disk.failed', 'x', { remedy: 'y', cause: failure('EPERM') }))).toBe(true);
    expect(isHeld(new AppError('disk.failed', 'x', { remedy: 'y', cause: failure('ENOENT') }))).toBe(false);
    expect(isHeld('EPERM')).toBe(false);
  });
});

describe('files', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'patience-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are replaced and deleted, and may be missing', async () => {
    await writeFile(join(folder, 'a'), 'new');
    await writeFile(join(folder, 'b'), 'old');
    await renameFile(join(folder, 'a'), join(folder, 'b'));
    expect(await readFile(join(folder, 'b'), 'utf8')).toBe('new');
    await mkdir(join(folder, 'c', 'd'), { recursive: true });
    await removeFile(join(folder, 'b'));
    await removeFile(join(folder, 'b'));
    await removeFolder(join(folder, 'c'));
    await removeFolder(join(folder, 'c'));
    expect(await readdir(folder)).toEqual([]);
  });
});
