/** A disk that gets full under the app: in the middle of a download, and a real small one under everything. */
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ComparisonDraft } from '../../../src-main/contract/generation-settings.js';
import { loadSqliteDriver } from '../../../src-main/store/sqlite-driver.js';
import { databaseFile } from '../../../src-main/store/store.js';
import { standInAssets } from '../../support/test-assets.js';
import { openDownloadHost, type DownloadHost } from './support/download-host.js';
import { decodedHash, leftovers, partialConversions, portraits } from './support/portraits.js';
import { startHostProcess, type HostProcess } from '../support/real-host.js';
import { SmallDisk } from './support/small-disk.js';
import { report, seeded, TEST_TIMEOUT_MS, times } from './support/soak.js';

const HOOK = fileURLToPath(new URL('support/failing-disk.cjs', import.meta.url));
const WAIT = { timeout: 60_000, interval: 20 };
/** Downloads want 256 MiB to stay free before they begin. */
const DISK_BYTES = 320 * 2 ** 20;

let folder: string;
let assets: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-full-'));
  assets = await standInAssets(await mkdtemp(join(folder, 'assets-')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Fills the disk when a part has come, looks at what is there, makes room, and goes on to the end. */
async function interrupt(download: DownloadHost, part: number, fill: () => void, relieve: () => void): Promise<void> {
  const { hub, host, totalBytes } = download;
  hub.pace = { pieceBytes: 16_384, everyMs: 5 };
  hub.bodyBytes = 0;
  await download.begin();
  await expect.poll(() => hub.bodyBytes, WAIT).toBeGreaterThan(totalBytes * part);
  fill();
  await expect.poll(() => download.state()?.status, WAIT).toBe('failed');
  const error = download.state()?.error;
  expect(error?.code).toBe('disk.full');
  expect(error?.message).toMatch(/no space left/);
  expect(error?.remedy).toMatch(/resume the download/);
  const before = await download.judge();
  expect(before.wrong).toEqual([]);
  expect(before.unfinished).toBeGreaterThan(0);
  relieve();
  hub.pace = null;
  await host.call('library.resume', {});
  await expect.poll(() => download.state()?.status, WAIT).toBe('done');
  const after = await download.judge();
  expect(after).toMatchObject({ wrong: [], unfinished: 0 });
  expect(after.whole).toBeGreaterThan(before.whole);
  // What was whole, and what of a file the journal claims, did not come again.
  expect(hub.bodyBytes).toBeLessThan(totalBytes * 1.9);
  await host.call('library.remove', { libraryId: 'tiny' });
}

describe('in the middle of a download', { timeout: TEST_TIMEOUT_MS }, () => {
  it.each(['ENOSPC', 'EDQUOT'])('a disk that is full (%s, injected) renames nothing, and it resumes', async (code) => {
    const startedAt = performance.now();
    const random = seeded(11);
    const count = times(2, 30);
    const own = await mkdtemp(join(folder, 'injected-'));
    const flag = join(own, 'flag');
    const download = await openDownloadHost(own, assets, join(own, 'packs'), {
      NODE_OPTIONS: `--require ${HOOK}`,
      LIKENESS_LAB_FAILING_DISK: flag,
    });
    for (let i = 0; i < count; i += 1) {
      await interrupt(
        download,
        0.1 + random() * 0.7,
        () => writeFileSync(flag, `web.js ${code}`),
        () => rmSync(flag),
      );
    }
    await download.close();
    report({ fault: `disk full within a download, web.js ${code}`, times: count, lost: 0, wrong: 0, startedAt });
  });
});

describe('a real small disk', { timeout: TEST_TIMEOUT_MS }, () => {
  let own: string;
  let disk: SmallDisk;
  let host: HostProcess | null = null;
  beforeEach(async ({ skip }) => {
    own = await mkdtemp(join(folder, 'real-'));
    const mounted = SmallDisk.mount(join(own, 'disk'), DISK_BYTES);
    if (typeof mounted === 'string') skip(mounted);
    else disk = mounted;
    return async () => {
      await host?.kill('SIGTERM');
      host = null;
      disk.unmount();
    };
  });

  const dataDir = () => join(own, 'disk', 'data');
  const cells = (draft: ComparisonDraft, seed: number): ComparisonDraft => ({ ...draft, seeds: [seed] });

  async function runs(comparisonId: string) {
    return (await (host as HostProcess).call('comparisons.get', { comparisonId })).runs;
  }

  const settled = (cells: readonly { status: string }[]) =>
    cells.every(({ status }) => status !== 'queued' && status !== 'running');

  /** Waits until nothing runs, and returns what stopped it. */
  async function stopped(comparisonId: string): Promise<string | undefined> {
    const { call } = host as HostProcess;
    await expect.poll(async () => (await call('queue.get', {})).paused, WAIT).toBe(true);
    const failed = (await runs(comparisonId)).find(({ error }) => error !== null);
    return failed?.error?.code ?? (await call('queue.get', {})).problem?.code;
  }

  it.each([
    ['a picture', false, 0],
    ['a conversion', true, 128 * 1024],
  ])('that is full stops %s with words, leaves no half files, and it goes on', async (what, cold, leave) => {
    const startedAt = performance.now();
    const count = times(1, 10);
    let [lost, wrong] = [0, 0];
    host = await startHostProcess({ dataDir: dataDir(), assetsDir: assets });
    const { call, picture } = host;
    const draft = { ...portraits(null), variants: portraits(null).variants.slice(-1) };
    const truth = await call('comparisons.create', cells(draft, 1));
    await expect.poll(async () => (await runs(truth.comparisonId))[0]?.status, WAIT).toBe('done');
    for (let i = 0; i < count; i += 1) {
      if (cold) await rm(join(dataDir(), 'cache'), { recursive: true, force: true });
      await call('queue.pause', {});
      const { comparisonId } = await call('comparisons.create', cells(draft, 1));
      disk.fill(leave);
      await call('queue.resume', {});
      expect(await stopped(comparisonId)).toBe('disk.full');
      wrong += (await leftovers(dataDir())).length;
      disk.relieve();
      await call('queue.resume', {});
      // A cell that could not even begin goes on by itself; one that failed is asked for again.
      await expect.poll(async () => settled(await runs(comparisonId)), WAIT).toBe(true);
      if ((await runs(comparisonId)).some(({ status }) => status === 'failed')) {
        await call('comparisons.resume', { comparisonId });
      }
      await expect.poll(async () => (await call('comparisons.get', { comparisonId })).status, WAIT).toBe('finished');
      wrong += (await partialConversions(dataDir())).length;
      const [expected] = await runs(truth.comparisonId);
      for (const run of [...(await runs(comparisonId)), expected]) {
        const hash = await decodedHash(await picture(`/picture/result/${run?.id ?? ''}`));
        if (hash !== expected?.result?.pixelHash) lost += 1;
      }
    }
    report({ fault: `real full disk: ${what}`, times: count, lost, wrong, startedAt });
    expect({ lost, wrong }).toEqual({ lost: 0, wrong: 0 });
  });

  it('that is full refuses a comparison with words, and keeps the database whole', async () => {
    const startedAt = performance.now();
    const count = times(2, 30);
    host = await startHostProcess({ dataDir: dataDir(), assetsDir: assets });
    const { call } = host;
    const long = { ...portraits(null), prompts: Array.from({ length: 20 }, (_, i) => `${i} ${'x'.repeat(3900)}`) };
    let wrong = 0;
    await call('queue.pause', {});
    for (let i = 0; i < count; i += 1) {
      disk.fill();
      const refusal = await call('comparisons.create', long).catch((error: unknown) => error);
      expect(refusal).toMatchObject({
        code: 'disk.full',
        remedy: expect.stringContaining('Free some space') as string,
      });
      expect((await call('queue.get', {})).entries).toHaveLength(i);
      disk.relieve();
      await call('comparisons.create', cells(portraits(null), i));
    }
    await host.kill('SIGTERM');
    host = null;
    const db = new (loadSqliteDriver())(databaseFile(dataDir()));
    if (db.pragma('integrity_check', { simple: true }) !== 'ok') wrong += 1;
    db.close();
    report({ fault: 'real full disk: database', times: count, lost: 0, wrong, startedAt });
    expect(wrong).toBe(0);
  });

  it('that gets full within a download renames nothing, and it resumes', async () => {
    const startedAt = performance.now();
    const random = seeded(12);
    const count = times(1, 20);
    const download = await openDownloadHost(own, assets, join(disk.folder, 'packs'));
    for (let i = 0; i < count; i += 1) {
      await interrupt(
        download,
        0.1 + random() * 0.7,
        () => {
          disk.fill();
        },
        () => {
          disk.relieve();
        },
      );
    }
    await download.close();
    report({ fault: 'real full disk: a download', times: count, lost: 0, wrong: 0, startedAt });
  });
});
