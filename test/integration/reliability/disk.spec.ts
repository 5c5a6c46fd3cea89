/** A disk that is full, read-only or gone, and databases that cannot be opened: a clear error, no half files, and on. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NATIVE_TEXTS } from '../../../src-main/app/native-text.js';
import type { Question } from '../../../src-main/app/question.js';
import { openRecovering } from '../../../src-main/app/recovery.js';
import { AppError } from '../../../src-main/base/app-error.js';
import { intactCopies } from '../../../src-main/store/copies.js';
import { loadSqliteDriver } from '../../../src-main/store/sqlite-driver.js';
import { databaseFile, openStore } from '../../../src-main/store/store.js';
import { standInAssets } from '../../support/test-assets.js';
import { draftFor, openScriptedHost } from '../support/scripted-host.js';
import { decodedHash, leftovers, partialConversions, portraits } from './support/portraits.js';
import { startHostProcess, type HostProcess } from '../support/real-host.js';
import { report, TEST_TIMEOUT_MS, times } from './support/soak.js';

const UNRELEASED = fileURLToPath(new URL('../../fixtures/store/unreleased.sql', import.meta.url));
const HOOK = fileURLToPath(new URL('support/failing-disk.cjs', import.meta.url));

let folder: string;
let assets: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-disk-'));
  assets = await standInAssets(await mkdtemp(join(folder, 'assets-')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function failure(work: Promise<unknown>): Promise<AppError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => {
      if (error instanceof AppError) return error;
      throw error;
    },
  );
}

/** Waits until the first picture was begun and none is being made. */
async function settled(host: HostProcess, comparisonId: string): Promise<void> {
  const state = async (): Promise<string> => {
    const [first = '', ...others] = (await host.call('comparisons.get', { comparisonId })).runs.map((r) => r.status);
    return first === 'queued' || [first, ...others].includes('running') ? 'going' : 'settled';
  };
  await expect.poll(state, { timeout: 60_000, interval: 100 }).toBe('settled');
}

describe('writes that fail', { timeout: TEST_TIMEOUT_MS }, () => {
  let host: HostProcess;
  const flag = (): string => join(folder, 'flag');
  const dataDir = (): string => join(folder, 'data');
  beforeAll(async () => {
    host = await startHostProcess({
      dataDir: dataDir(),
      assetsDir: assets,
      env: { NODE_OPTIONS: `--require ${HOOK}`, LIKENESS_LAB_FAILING_DISK: flag() },
    });
  });
  afterAll(() => host.kill('SIGTERM'));

  it.each([
    ['a picture', 'web.js ENOSPC', 'disk.full', /full/],
    ['a picture (quota)', 'web.js EDQUOT', 'disk.full', /full/],
    ['a picture (read-only)', 'web.js EROFS', 'disk.failed', /EROFS/],
    ['what the engine writes', 'engine.js ENOSPC', 'disk.full', /no space left|full/],
    ['a conversion', 'engine ENOSPC', 'disk.full', /full/],
    ['a conversion (quota)', 'engine EDQUOT', 'disk.full', /full/],
  ])('%s: %s', async (what, fault, code, words) => {
    const startedAt = performance.now();
    const count = times(1, 10);
    let lost = 0;
    let wrong = 0;
    for (let i = 0; i < count; i += 1) {
      if (what.startsWith('a conversion')) await rm(join(dataDir(), 'cache'), { recursive: true, force: true });
      writeFileSync(flag(), fault);
      const draft = { ...portraits(null), seeds: [1], variants: portraits(null).variants.slice(-2).toReversed() };
      const { comparisonId } = await host.call('comparisons.create', draft);
      await settled(host, comparisonId);
      const { runs } = await host.call('comparisons.get', { comparisonId });
      expect(runs[0]?.error?.code).toBe(code);
      expect(runs[0]?.error?.message).toMatch(words);
      expect(runs[0]?.error?.remedy).not.toBe('');
      wrong += (await leftovers(dataDir())).length + (await partialConversions(dataDir()).catch(() => [])).length;
      // A full disk pauses the queue: what follows would fail as well.
      expect((await host.call('queue.get', {})).paused).toBe(code === 'disk.full');

      rmSync(flag());
      await host.call('queue.resume', {});
      await host.call('comparisons.resume', { comparisonId });
      await expect
        .poll(async () => (await host.call('comparisons.get', { comparisonId })).status, { timeout: 60_000 })
        .toBe('finished');
      for (const run of (await host.call('comparisons.get', { comparisonId })).runs) {
        const hash = await decodedHash(await host.picture(`/picture/result/${run.id}`));
        if (hash !== run.result?.pixelHash) lost += 1;
      }
    }
    report({ fault: `disk: ${what}, ${fault}`, times: count, lost, wrong, startedAt });
    expect({ lost, wrong }).toEqual({ lost: 0, wrong: 0 });
  });

  it('removed folders are made again, and what was in them is missed in words', async () => {
    const startedAt = performance.now();
    const draft = { ...portraits(null), seeds: [5], variants: portraits(null).variants.slice(0, 1) };
    const first = await host.call('comparisons.create', draft);
    await settled(host, first.comparisonId);
    for (const name of ['pictures', 'thumbs', 'previews', 'work', 'cache']) {
      await rm(join(dataDir(), name), { recursive: true, force: true });
    }
    const second = await host.call('comparisons.create', draft);
    await settled(host, second.comparisonId);
    const { runs } = await host.call('comparisons.get', { comparisonId: second.comparisonId });
    expect(runs.map(({ status, error }) => [status, error])).toEqual([['done', null]]);
    expect((await host.picture(`/picture/result/${first.runIds[0] ?? ''}`)).toString()).toContain('no such picture');
    const rows = { referenceRunId: first.runIds[0] ?? '', runIds: [...first.runIds, ...second.runIds] };
    expect((await failure(host.call('compare.table', rows))).code).toBe('image.unreadable');
    report({ fault: 'folders removed while running', times: 5, lost: 0, wrong: 0, startedAt });
  });
});

describe('a database', () => {
  it('that is full refuses in words and goes on when there is room', async () => {
    const startedAt = performance.now();
    const app = await openScriptedHost();
    const { page_count: pages } = app.host.store.db.get('PRAGMA page_count') as { page_count: number };
    app.host.store.db.get(`PRAGMA max_page_count = ${pages}`);
    const draft = draftFor(app.packId, {
      seeds: Array.from({ length: 100 }, (_, i) => i),
      prompts: ['x'.repeat(3000)],
    });
    expect((await failure(app.call('comparisons.create', draft))).code).toBe('disk.full');
    app.host.store.db.get('PRAGMA max_page_count = 1000000');
    const { comparisonId } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    expect((await app.call('comparisons.get', { comparisonId })).status).toBe('finished');
    expect(app.host.store.db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
    await app.dispose();
    report({ fault: 'database: disk full', times: 1, lost: 0, wrong: 0, startedAt });
  });

  it('that refuses to note a run pauses the queue with a reason, and the run is noted afterwards', async () => {
    const startedAt = performance.now();
    const app = await openScriptedHost();
    const writable = (on: boolean) => app.host.store.db.run(`PRAGMA query_only = ${on ? 'OFF' : 'ON'}`);
    const queue = () => app.call('queue.get', {});
    const status = async (comparisonId: string) =>
      (await app.call('comparisons.get', { comparisonId })).runs.map((run) => run.status);

    // It cannot note that a run begins.
    await app.call('queue.pause', {});
    const { comparisonId } = await app.call(
      'comparisons.create',
      draftFor(app.packId, { prompts: ['slow'], steps: 10 }),
    );
    writable(false);
    await app.call('queue.resume', {});
    await expect.poll(async () => (await queue()).problem?.code, { timeout: 30_000 }).toBe('disk.failed');
    expect(await queue()).toMatchObject({ paused: true, runningRunId: null });
    expect(await status(comparisonId)).toEqual(['queued', 'queued']);

    // It cannot note how a run ended.
    writable(true);
    await app.call('queue.resume', {});
    await expect.poll(() => app.host.hub.current('progress')?.stage, { timeout: 30_000, interval: 10 }).toBe('denoise');
    writable(false);
    await expect.poll(async () => (await queue()).problem?.code, { timeout: 30_000 }).toBe('disk.failed');
    expect(await queue()).toMatchObject({ paused: true, runningRunId: null });

    writable(true);
    await app.call('queue.resume', {});
    await app.idle();
    expect((await queue()).problem).toBeNull();
    expect(await status(comparisonId)).toEqual(['failed', 'done']);
    await app.call('comparisons.resume', { comparisonId });
    await app.idle();
    expect(await status(comparisonId)).toEqual(['done', 'done']);
    expect(await leftovers(join(app.folder, 'data'))).toEqual([]);
    await app.dispose();
    report({ fault: 'database: refuses to note a run', times: 2, lost: 0, wrong: 0, startedAt });
  });

  async function galleryWithOnePicture(name: string): Promise<string> {
    const dataDir = join(folder, name);
    const host = await startHostProcess({ dataDir, assetsDir: assets });
    const { comparisonId } = await host.call('comparisons.create', {
      ...portraits(null),
      seeds: [1],
      variants: portraits(null).variants.slice(0, 1),
    });
    await settled(host, comparisonId);
    await host.kill('SIGTERM');
    return dataDir;
  }

  /** Ends with code 1 and its words. */
  function refusal(dataDir: string): string {
    const args = ['dist/main/web.js', '--no-open', '--data', dataDir, '--assets', assets];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 });
    expect(status).toBe(1);
    return stderr;
  }

  const damages: readonly [string, (file: string) => void][] = [
    ['overwritten', (file) => writeFileSync(file, 'not a database, but long enough for a header '.repeat(99))],
    ['cut', (file) => writeFileSync(file, readFileSync(file).subarray(0, Math.floor(statSync(file).size / 2)))],
    [
      'damaged inside',
      (file) => {
        const bytes = readFileSync(file);
        bytes.fill(0xa5, 4096, 4096 * 8);
        writeFileSync(file, bytes);
      },
    ],
  ];

  it('that is damaged is offered back from its copy, and kept', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const dataDir = await galleryWithOnePicture('damaged');
    const file = databaseFile(dataDir);
    // The copy of the next morning.
    rmSync(`${file}.daily.bak`);
    (await openStore(dataDir)).db.close();
    expect(intactCopies(file)).toMatchObject([{ pictures: 1 }]);
    for (const [, damage] of damages) {
      damage(file);
      const words = refusal(dataDir);
      expect(words).toContain('damaged');
      expect(words).toContain('with 1 pictures; to restore it, start again with --restore-copy');
      const host = await startHostProcess({ dataDir, assetsDir: assets, more: ['--restore-copy'] });
      const query = { query: '', sort: 'newest', trashed: false, stacked: false, offset: 0, limit: 5 } as const;
      const { items, total } = await host.call('gallery.list', query);
      expect(total).toBe(1);
      const run = await host.call('runs.get', { runId: items[0]?.run.id ?? '' });
      expect(await decodedHash(await host.picture(`/picture/result/${run.id}`))).toBe(run.result?.pixelHash);
      await host.kill('SIGTERM');
    }
    report({ fault: 'database damaged, restored from its copy', times: damages.length, lost: 0, wrong: 0, startedAt });
  });

  it('that is damaged is offered back by the window, too', async () => {
    const dataDir = await mkdtemp(join(folder, 'window-'));
    const file = databaseFile(dataDir);
    (await openStore(dataDir)).db.close();
    const questions: Question[] = [];
    const open = (choice: number) =>
      openRecovering(
        dataDir,
        () => openStore(dataDir),
        NATIVE_TEXTS.en,
        'en-GB',
        (question) => {
          questions.push(question);
          return choice;
        },
      );
    writeFileSync(file, 'x'.repeat(5000));
    expect(await open(2)).toBeNull();
    expect(readFileSync(file, 'utf8')).toBe('x'.repeat(5000));
    (await open(0))?.db.close();
    expect(questions[1]?.buttons[0]).toMatch(/^Restore the Copy of /);
    expect(questions[1]?.buttons.slice(1)).toEqual(['Start a New Gallery', 'Quit']);
    rmSync(`${file}.daily.bak`);
    writeFileSync(file, 'x'.repeat(5000));
    (await open(0))?.db.close();
    expect(questions[2]).toMatchObject({ buttons: ['Start a New Gallery', 'Quit'], defaultId: 1 });
  });

  it('from before the first release is kept aside, and its folder is named, at the start', async () => {
    const begin = async (name: string): Promise<string> => {
      const dataDir = await mkdtemp(join(folder, name));
      const db = new (loadSqliteDriver())(databaseFile(dataDir));
      db.exec(readFileSync(UNRELEASED, 'utf8'));
      db.close();
      return dataDir;
    };
    const dataDir = await begin('before-');
    const host = await startHostProcess({ dataDir, assetsDir: assets });
    expect(host.said).toContain(`It is kept with its pictures in ${join(dataDir, 'unreleased-')}`);
    await host.kill('SIGTERM');

    const windowDir = await begin('before-window-');
    const questions: Question[] = [];
    const open = (choice: number) =>
      openRecovering(
        windowDir,
        () => openStore(windowDir),
        NATIVE_TEXTS.en,
        'en-GB',
        (question) => {
          questions.push(question);
          return choice;
        },
      );
    const store = await open(0);
    expect(store?.gallery.counts().total).toBe(0);
    store?.db.close();
    expect(questions).toMatchObject([
      { message: expect.stringContaining(join(windowDir, 'unreleased-')), buttons: ['Start a New Gallery', 'Quit'] },
    ]);
  });

  it('from the future, or of another host, is left alone with words', { timeout: TEST_TIMEOUT_MS }, async () => {
    const startedAt = performance.now();
    const dataDir = await mkdtemp(join(folder, 'future-'));
    const host = await startHostProcess({ dataDir, assetsDir: assets });
    expect(refusal(dataDir)).toContain('Another process is using this gallery.');
    await host.kill('SIGTERM');
    const db = new (loadSqliteDriver())(databaseFile(dataDir));
    db.pragma('user_version = 990');
    db.close();
    const before = readFileSync(databaseFile(dataDir));
    expect(refusal(dataDir)).toContain('newer version');
    expect(readFileSync(databaseFile(dataDir)).equals(before)).toBe(true);
    expect(existsSync(join(dataDir, 'pictures'))).toBe(true);
    report({ fault: 'database from the future; two hosts on one gallery', times: 2, lost: 0, wrong: 0, startedAt });
  });
});
