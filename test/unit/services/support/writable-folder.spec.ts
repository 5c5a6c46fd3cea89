import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  copyPicture,
  requireNames,
  requireOutputFile,
  requireWritable,
} from '../../../../src-main/services/support/writable-folder.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'writable-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('requireOutputFile', () => {
  it('takes a new name and a file that is replaced, which it leaves as it is', async () => {
    await requireOutputFile(join(folder, 'new.png'));
    await writeFile(join(folder, 'old.png'), 'old');
    await requireOutputFile(join(folder, 'old.png'));
    expect(await readdir(folder)).toEqual(['old.png']);
    expect(await readFile(join(folder, 'old.png'), 'utf8')).toBe('old');
  });

  it('refuses a folder', async () => {
    await mkdir(join(folder, 'out.png'));
    await expect(requireOutputFile(join(folder, 'out.png'))).rejects.toMatchObject({
      code: 'disk.failed',
      message: `${join(folder, 'out.png')} is a folder, but a file is to be written there.`,
    });
  });

  it.skipIf(process.getuid?.() === 0)('refuses a file that is read-only', async () => {
    const file = join(folder, 'kept.png');
    await writeFile(file, 'kept');
    await chmod(file, 0o444);
    await expect(requireOutputFile(file)).rejects.toMatchObject({ details: { errno: 'EACCES' } });
  });
});

describe('requireNames', () => {
  it.each([
    'C:\\out\\aux.png',
    'C:\\CON\\out.png',
    'C:\\out\\a?.png',
    'C:\\out\\a.png.',
    'C:\\out \\a.png',
    'D:/out/a:b.png',
    '\\\\server\\share\\nul',
  ])('refuses %s on Windows', (file) => {
    expect(() => requireNames(file, win32)).toThrow(/cannot be written/);
  });

  it.each(['C:\\out\\a.png', '\\\\server\\con\\a.png', 'C:\\a b\\..\\.hidden\\x (2).png', 'C:\\'])(
    'takes %s on Windows',
    (file) => expect(() => requireNames(file, win32)).not.toThrow(),
  );

  it('takes any name elsewhere', () => {
    expect(() => requireNames('/out/aux?.png.', posix)).not.toThrow();
  });
});

describe('writing', () => {
  it('makes the folder and leaves nothing in it', async () => {
    await requireWritable(join(folder, 'a', 'b'));
    expect(await readdir(join(folder, 'a', 'b'))).toEqual([]);
  });

  it('says what stands in the way', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(requireWritable(join(folder, 'file', 'sub'))).rejects.toMatchObject({
      message: expect.stringMatching(/a folder of its path is a file \(ENOTDIR\)/) as string,
    });
    await writeFile(join(folder, 'a.png'), 'a');
    await copyPicture(join(folder, 'a.png'), join(folder, 'b.png'));
    expect(await readFile(join(folder, 'b.png'), 'utf8')).toBe('a');
  });
});
