/** A conversion that was cancelled or killed goes on where it was, and makes the same file. */
import { spawnSync } from 'node:child_process';
import { appendFile, mkdtemp, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removePartials } from '../../../src-main/engine/convert/remove-partials.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { convertPack, type ConvertRequest } from '../../../src-main/engine/pipeline/packs/convert-pack.js';
import { planConversion } from '../../../src-main/engine/pipeline/packs/plan-conversion.js';
import { TINY } from '../support/tiny-picture.js';

const ITEMS = [{ component: 'flux', format: 'nf4' }] as const;

let folder: string;
let cacheDir: string;
/** The file of an undisturbed conversion. */
let truth: Buffer;
let name: string;

const request = async (more: Partial<ConvertRequest> = {}): Promise<ConvertRequest> => ({
  pack: await openPack(TINY),
  variant: 'aes_stage2',
  items: ITEMS,
  provider: 'cpu',
  cacheDir,
  ...more,
});
const plan = async () => {
  const { items } = await planConversion({
    packPath: TINY,
    cachePath: cacheDir,
    provider: 'cpu',
    modelVariant: 'aes_stage2',
    items: ITEMS,
  });
  return items[0];
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-resume-'));
  cacheDir = join(folder, 'undisturbed');
  await convertPack(await request());
  [name = ''] = await readdir(cacheDir);
  truth = await readFile(join(cacheDir, name));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  cacheDir = await mkdtemp(join(folder, 'cache-'));
});

/** Cancels once a part is done. */
async function cancelled(): Promise<void> {
  const controller = new AbortController();
  const work = convertPack(
    await request({
      signal: controller.signal,
      onConvert: (_index, _label, _format, fraction) => {
        if (fraction > 0.4) controller.abort();
      },
    }),
  );
  await expect(work).rejects.toMatchObject({ name: 'AbortError' });
}

/** Process id of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

/** Names the unfinished files as a killed process leaves them. */
async function asKilled(pid: number): Promise<void> {
  for (const kind of ['partial', 'journal']) {
    await rename(join(cacheDir, `${name}.0.${kind}`), join(cacheDir, `${name}.${pid}.${kind}`));
  }
}

async function fractions(): Promise<number[]> {
  const seen: number[] = [];
  await convertPack(await request({ onConvert: (_index, _label, _format, fraction) => seen.push(fraction) }));
  return seen;
}

describe('a conversion', () => {
  it('is planned: bytes to the byte, nothing left once it is there, nothing at all where weights are read in place', async () => {
    expect(await plan()).toMatchObject({ state: 'missing', bytes: truth.byteLength, bytesLeft: truth.byteLength });
    expect((await plan())?.secondsLeft).toBeGreaterThan(0);
    await convertPack(await request());
    expect(await plan()).toMatchObject({ state: 'ready', bytes: truth.byteLength, bytesLeft: 0, secondsLeft: 0 });
    const { items } = await planConversion({
      packPath: TINY,
      cachePath: cacheDir,
      provider: 'cpu',
      modelVariant: 'aes_stage2',
      items: [{ component: 'flux', format: '16-bit' }],
    });
    expect(items[0]).toMatchObject({ state: 'in-place', bytes: 0, bytesLeft: 0, secondsLeft: 0 });
  });

  it('goes on after it was cancelled, and does only the rest', async () => {
    await cancelled();
    expect((await readdir(cacheDir)).sort()).toEqual([`${name}.0.journal`, `${name}.0.partial`]);
    const left = await plan();
    expect(left?.state).toBe('part');
    expect(left?.bytesLeft).toBeLessThan(truth.byteLength);
    expect((await fractions())[0]).toBeGreaterThan(0.3);
    expect(await readdir(cacheDir)).toEqual([name]);
    expect((await readFile(join(cacheDir, name))).equals(truth)).toBe(true);
  });

  it('goes on from what a killed process left, whatever lies in the tensors that it had not written down', async () => {
    await cancelled();
    const pid = deadPid();
    await asKilled(pid);
    const partial = join(cacheDir, `${name}.${pid}.partial`);
    const journal = join(cacheDir, `${name}.${pid}.journal`);
    // The kill came in the middle of a line.
    await appendFile(journal, '["proj_out.wei');
    const done = (await readFile(journal, 'utf8'))
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => JSON.parse(line) as string[]);
    expect(done.length).toBeGreaterThan(0);
    await convertPack(await request());
    expect(await readdir(cacheDir)).toEqual([name]);
    expect((await readFile(join(cacheDir, name))).equals(truth)).toBe(true);
    expect(await stat(partial).catch(() => null)).toBeNull();
  });

  it('trusts no weights without the journal that names them', async () => {
    await cancelled();
    const partial = await open(join(cacheDir, `${name}.0.partial`), 'r+');
    await rm(join(cacheDir, `${name}.0.journal`));
    await partial.write(Buffer.alloc(truth.byteLength, 0xee), 0, truth.byteLength, 0);
    await partial.close();
    expect((await plan())?.state).toBe('missing');
    await convertPack(await request());
    expect((await readFile(join(cacheDir, name))).equals(truth)).toBe(true);
  });

  it('begins anew beside one that a living process is making', async () => {
    await cancelled();
    await asKilled(process.ppid);
    expect((await plan())?.state).toBe('missing');
    await convertPack(await request());
    expect((await readFile(join(cacheDir, name))).equals(truth)).toBe(true);
    expect(await removePartials(cacheDir)).toBe(0);
    expect(await readdir(cacheDir)).toHaveLength(3);
  });
});

describe('removePartials', () => {
  it('keeps what can be gone on with, for a week, and clears the rest', async () => {
    await cancelled();
    await asKilled(deadPid());
    expect(await removePartials(cacheDir)).toBe(0);
    const old = Date.now() / 1000 - 8 * 24 * 3600;
    for (const file of await readdir(cacheDir)) await utimes(join(cacheDir, file), old, old);
    expect(await removePartials(cacheDir)).toBe(2);
    await cancelled();
    await rm(join(cacheDir, `${name}.0.journal`));
    expect(await removePartials(cacheDir)).toBe(1);
    expect(await readdir(cacheDir)).toEqual([]);
    expect(await removePartials(join(cacheDir, 'nowhere'))).toBe(0);
  });
});
