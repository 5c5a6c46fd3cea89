/** Converting ahead of a run through the contract, with the real engine on the miniature pack. */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import { QUANTIZED_COMPONENTS } from '../../../src-main/contract/formats.js';
import type { PreparationState } from '../../../src-main/contract/preparation.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { convertPack } from '../../../src-main/engine/pipeline/packs/convert-pack.js';
import type { EngineProcess } from '../../../src-main/services/engine/engine-client.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { packIdOf } from '../../../src-main/services/packs/pack-service.js';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';
import { makeTinyPack, type TinyPack } from '../support/tiny-pack.js';

const WAIT = { timeout: 60_000, interval: 10 };

let pack: TinyPack;
let app: ScriptedHost;
let packId: string;
/** The engine that was started last. */
let latest: EngineProcess | null = null;
beforeAll(async () => {
  pack = await makeTinyPack();
  packId = packIdOf(pack.root);
  const fork = forkEngine(entryFile('engine'));
  app = await openScriptedHost({
    packFolders: [pack.root],
    manifests: [],
    spawnEngine: () => (latest = fork()),
  });
});
afterAll(async () => {
  await app.dispose();
  await pack.remove();
});

const items = (formats: readonly ('16-bit' | 'fp8' | 'int8' | 'int4' | 'nf4')[]) =>
  formats.flatMap((format) => QUANTIZED_COMPONENTS.map((component) => ({ component, format })));
const input = (formats: Parameters<typeof items>[0]) =>
  ({ packId, provider: 'cpu', modelVariant: 'aes_stage2', items: items(formats) }) as const;
const state = (): PreparationState | null => app.host.hub.current('preparation') ?? null;
const until = (status: PreparationState['status']) => vi.waitFor(() => expect(state()?.status).toBe(status), WAIT);
const cacheDir = () => join(app.folder, 'data', 'cache', packId);
const weights = async () => (await readdir(cacheDir())).filter((name) => name.endsWith('.weights')).sort();

/** Does something when an item has begun. */
function atItem(index: number, act: () => void): void {
  const stop = app.host.hub.subscribe('preparation', (now) => {
    if (now?.items[index]?.state !== 'running') return;
    queueMicrotask(() => stop());
    act();
  });
}

describe('converting ahead of a run', () => {
  it('says first what it takes: bytes, seconds, and whether the disk has room', async () => {
    const estimate = await app.call('preparation.estimate', input(['16-bit', 'nf4']));
    expect(estimate.items.map(({ state: how }) => how)).toEqual([
      // The miniature's InfuseNet is in f32, which is halved once.
      ...['in-place', 'in-place', 'missing'],
      ...['missing', 'missing', 'missing'],
    ]);
    expect(estimate.bytesLeft).toBe(estimate.items.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(estimate.bytesLeft).toBeGreaterThan(100_000);
    expect(estimate.secondsLeft).toBeGreaterThan(0);
    expect(estimate.freeBytes).toBeGreaterThan(0);
    expect(estimate.fits).toBe(true);
    expect(state()).toBeNull();
  });

  it('survives a killed engine: what is finished stays as it is, the rest is made, and all of it is right', async () => {
    const all = ['nf4', 'int8'] as const;
    atItem(3, () => latest?.kill());
    await app.call('preparation.start', input(all));
    await expect(app.call('preparation.start', input(all))).rejects.toMatchObject({ code: 'cache.busy' });
    await until('failed');
    expect(state()?.error).toMatchObject({ code: 'engine.crashed' });
    const finished = await weights();
    expect(finished.length).toBeGreaterThanOrEqual(3);
    expect(finished.length).toBeLessThan(6);
    const before = await Promise.all(finished.map((name) => stat(join(cacheDir(), name))));

    await app.call('preparation.resume', {});
    await until('done');
    expect(state()).toMatchObject({ fraction: 1, error: null });
    const after = await Promise.all(finished.map((name) => stat(join(cacheDir(), name))));
    expect(after.map(({ ino, mtimeMs }) => [ino, mtimeMs])).toEqual(before.map(({ ino, mtimeMs }) => [ino, mtimeMs]));
    const truth = join(app.folder, 'truth');
    await convertPack({
      pack: await openPack(pack.root),
      variant: 'aes_stage2',
      items: items(all),
      provider: 'cpu',
      cacheDir: truth,
    });
    expect(await weights()).toEqual((await readdir(truth)).sort());
    for (const name of await weights()) {
      expect((await readFile(join(cacheDir(), name))).equals(await readFile(join(truth, name))), name).toBe(true);
    }
    expect(await app.call('preparation.estimate', input(all))).toMatchObject({ bytesLeft: 0, secondsLeft: 0 });
    await app.call('preparation.cancel', {});
    expect(state()).toBeNull();
    expect(await weights()).toHaveLength(6);
  });

  it('makes the files that a picture then reads', async () => {
    const before = await weights();
    await app.call(
      'comparisons.create',
      draftFor(packId, { steps: 1, variants: [{ flux: 'nf4', t5: 'int8', infusenet: 'nf4' }] }),
    );
    await app.idle();
    expect(await weights()).toEqual(before);
  });

  it('is listed by content, file by file, and removed one by one or all at once', async () => {
    await writeFile(join(cacheDir(), 'flux.fp8.f16.0123456789abcdef.01234567.v1.weights.0.partial'), 'half');
    const entries = await app.call('cache.list', {});
    expect(entries).toHaveLength(7);
    const nf4 = entries.find(({ component, format }) => component === 'flux' && format === 'nf4');
    expect(nf4).toMatchObject({ packId, dtype: 'f32', hasLoras: false, unfinished: false });
    expect(nf4?.weights).toMatch(/^[0-9a-f]{16}$/);
    expect(nf4?.bytes).toBe((await stat(join(cacheDir(), nf4?.key ?? ''))).size);
    expect(entries.filter(({ unfinished }) => unfinished)).toMatchObject([{ format: 'fp8', dtype: 'f16' }]);
    expect(await app.call('cache.remove', { packId, key: nf4?.key ?? '' })).toEqual({ freedBytes: nf4?.bytes });
    expect(await weights()).toHaveLength(5);
    expect(await app.call('cache.remove', { packId, key: '../../gallery.sqlite' })).toEqual({ freedBytes: 0 });
    expect((await app.call('cache.remove', { packId, key: null })).freedBytes).toBeGreaterThan(0);
    expect(await app.call('cache.list', {})).toEqual([]);
  });

  it('pauses, is found again after a restart, goes on, and leaves nothing unfinished when it is cancelled', async () => {
    atItem(1, () => void app.call('preparation.pause', {}));
    await app.call('preparation.start', input(['nf4', 'int4', 'int8']));
    await until('paused');
    await expect(app.call('cache.remove', { packId, key: null })).resolves.toBeDefined();
    await app.restart();
    await until('paused');
    expect(state()).toMatchObject({ packId, items: { length: 9 } });
    atItem(3, () => void app.call('preparation.pause', {}));
    await app.call('preparation.resume', {});
    await until('paused');
    await app.call('preparation.cancel', {});
    expect(state()).toBeNull();
    expect((await readdir(cacheDir())).filter((name) => !name.endsWith('.weights'))).toEqual([]);
    expect((await weights()).length).toBeGreaterThanOrEqual(3);
    expect(existsSync(join(app.folder, 'data', 'preparation.json'))).toBe(false);
    await expect(app.call('preparation.resume', {})).rejects.toMatchObject({ code: 'disk.failed' });
  });
});

describe('a disk without room', () => {
  it('refuses before anything is written, with what is needed and what is there', async () => {
    const scripted = await openScriptedHost();
    try {
      const huge = { ...input(['nf4']), packId: scripted.packId, modelVariant: 'huge' };
      expect((await scripted.call('preparation.estimate', huge)).fits).toBe(false);
      const start = scripted.call('preparation.start', huge);
      await expect(start).rejects.toMatchObject({ code: 'disk.full', details: { neededBytes: 3e15 } });
      expect(scripted.host.hub.current('preparation')).toBeNull();
    } finally {
      await scripted.dispose();
    }
  });
});
