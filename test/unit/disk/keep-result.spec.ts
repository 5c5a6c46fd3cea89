import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { placeOrKeep } from '../../../src-main/disk/keep-result.js';

let folder = '';
let out = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keep-result-'));
  out = join(folder, 'out.png');
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes, except where a program holds the file. */
function placing(held: (path: string) => boolean, code = 'EPERM'): (target: string) => Promise<void> {
  return async (target) => {
    if (held(target)) throw Object.assign(new Error(code), { code, syscall: 'rename' });
    await writeFile(target, 'picture');
  };
}

describe('placeOrKeep', () => {
  it('uses the name that was asked for', async () => {
    await placeOrKeep(out, 'the picture', placing(() => false)); // prettier-ignore
    expect(await readdir(folder)).toEqual(['out.png']);
  });

  it.each(['EPERM', 'EBUSY', 'EACCES'])(
    'keeps the result beside a name that is held (%s), and says where',
    async (code) => {
      await writeFile(out, 'held');
      await writeFile(join(folder, 'out (2).png'), 'older');
      const kept = join(folder, 'out (3).png');
      await expect(
        placeOrKeep(
          out,
          'the picture "out.png"',
          placing((path) => path === out, code),
        ),
      ).rejects.toMatchObject({
        code: 'disk.failed',
        message: `Could not save the picture "out.png": it is read-only or another program has it open. The result is kept as ${kept}.`,
        details: { kept },
      });
      expect(await readFile(kept, 'utf8')).toBe('picture');
      expect(await readFile(out, 'utf8')).toBe('held');
      expect(await readFile(join(folder, 'out (2).png'), 'utf8')).toBe('older');
    },
  );

  it('says the first failure where no name is possible', async () => {
    await expect(
      placeOrKeep(
        out,
        'the picture',
        placing(() => true),
      ),
    ).rejects.toMatchObject({
      message: expect.stringContaining('(EPERM)') as string,
      details: { errno: 'EPERM' },
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['ENOENT', 'disk.failed'],
    ['ENOSPC', 'disk.full'],
    ['EROFS', 'disk.failed'],
    ['EACCES', 'disk.failed'],
  ])('keeps it in another folder when its own takes nothing (%s)', async (errno, code) => {
    const [place, elsewhere] = [join(folder, 'drive'), join(folder, 'temporary')];
    await mkdir(elsewhere);
    const gone = placing((path) => path.startsWith(place), errno);
    const kept = join(elsewhere, 'out.png');
    const keep = (): Promise<void> => placeOrKeep(join(place, 'out.png'), 'the picture', gone, elsewhere);
    await expect(keep()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/The result is kept as .*out\.png\.$/) as string,
      details: { kept, errno },
    });
    await expect(keep()).rejects.toMatchObject({ details: { kept: join(elsewhere, 'out (2).png') } });
    expect(await readFile(kept, 'utf8')).toBe('picture');
  });

  it('tries no other name on a full disk', async () => {
    const tried: string[] = [];
    const full = placing((path) => tried.push(path) > 0, 'ENOSPC');
    await expect(placeOrKeep(out, 'the picture', full)).rejects.toMatchObject({ code: 'disk.full' });
    expect(tried).toEqual([out]);
  });
});
