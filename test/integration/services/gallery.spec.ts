import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GalleryInput } from '../../../src-main/contract/gallery.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import {
  draftFor,
  openScriptedHost,
  photoBase64,
  SCRIPTED_ENGINE,
  type ScriptedHost,
} from '../support/scripted-host.js';

const all: GalleryInput = { query: '', sort: 'oldest', trashed: false, stacked: false, offset: 0, limit: 100 };

describe('the gallery', () => {
  let app: ScriptedHost;
  let runIds: string[];
  beforeAll(async () => {
    app = await openScriptedHost();
    ({ runIds } = await app.call('comparisons.create', draftFor(app.packId, { seeds: [1, 2] })));
    await app.idle();
  });
  afterAll(async () => {
    await app.dispose();
  });

  const found = async (query: string, changes: Partial<GalleryInput> = {}): Promise<string[]> =>
    (await app.call('gallery.list', { ...all, query, ...changes })).items.map((item) => item.run.id);

  it('tells of every change', async () => {
    const before = app.host.hub.current('gallery');
    await app.call('gallery.rate', { runIds: runIds.slice(0, 2), stars: 3 });
    const after = app.host.hub.current('gallery');
    expect(after?.revision).toBeGreaterThan(before?.revision ?? 0);
    expect(after).toMatchObject({ total: 4, trashed: 0 });
  });

  it('takes a rating back to what each picture had', async () => {
    await app.call('gallery.rate', { runIds: [runIds[0] ?? ''], stars: 5 });
    const { undoId, changed, action } = await app.call('gallery.rate', { runIds, stars: 1 });
    expect(changed).toBe(4);
    expect(action).toBe('rate');
    expect(await found('stars:1')).toHaveLength(4);
    await app.call('gallery.undo', { undoId });
    expect(await found('stars:5')).toEqual([runIds[0]]);
    expect(await found('stars:3')).toEqual([runIds[1]]);
    expect(await found('stars:0')).toHaveLength(2);
    await expect(app.call('gallery.undo', { undoId })).rejects.toThrow('can no longer be undone');
  });

  it('takes tags back exactly', async () => {
    await app.call('gallery.tag', { runIds: [runIds[0] ?? ''], add: ['keep'], remove: [] });
    const { undoId } = await app.call('gallery.tag', { runIds, add: ['keep', 'new'], remove: [] });
    expect(await app.call('gallery.tags', {})).toEqual([
      { tag: 'keep', count: 4 },
      { tag: 'new', count: 4 },
    ]);
    await app.call('gallery.undo', { undoId });
    expect(await app.call('gallery.tags', {})).toEqual([{ tag: 'keep', count: 1 }]);
    expect(await found('tag:keep')).toEqual([runIds[0]]);
    const removed = await app.call('gallery.tag', { runIds, add: [], remove: ['keep'] });
    expect(await app.call('gallery.tags', {})).toEqual([]);
    await app.call('gallery.undo', { undoId: removed.undoId });
    expect(await found('tag:keep')).toEqual([runIds[0]]);
  });

  it('moves pictures to the trash and back', async () => {
    const [first = ''] = runIds;
    const { undoId, action } = await app.call('gallery.trash', { runIds: [first] });
    expect(action).toBe('trash');
    expect(await found('')).not.toContain(first);
    expect(await found('', { trashed: true })).toEqual([first]);
    await app.call('gallery.undo', { undoId });
    expect(await found('')).toContain(first);
    await app.call('gallery.trash', { runIds: [first] });
    await app.call('gallery.restore', { runIds: [first] });
    expect(await found('', { trashed: true })).toEqual([]);
  });

  it('finds what is identical except for one setting', async () => {
    const [first = ''] = runIds;
    const again = await app.call(
      'comparisons.create',
      draftFor(app.packId, { seeds: [1], variants: [{ flux: '16-bit', t5: '16-bit', infusenet: 'nf4' }] }),
    );
    await app.idle();
    const everything = await app.call('gallery.identical-except', { runId: first, field: null });
    expect(everything.groups.map((group) => [group.field, group.runs.map((run) => run.value)])).toEqual([
      ['infusenet', ['nf4']],
      ['seed', [2]],
    ]);
    const seeds = await app.call('gallery.identical-except', { runId: first, field: 'seed' });
    expect(seeds.groups.map((group) => group.field)).toEqual(['seed']);
    await app.call('gallery.trash', { runIds: again.runIds });
    await app.call('gallery.empty-trash', { runIds: null });
  });

  it('says what is wrong with a search line, and where', async () => {
    await expect(found('infusenet:nf9')).rejects.toMatchObject({
      code: 'contract.invalid-input',
      details: { start: 0, end: 13 },
    });
  });

  it('deletes for good only what is in the trash, with its files', async () => {
    const [first = '', second = ''] = runIds;
    const { files } = app.host.store;
    expect(existsSync(files.picture(first))).toBe(true);
    expect((await app.call('gallery.empty-trash', { runIds: [first] })).deleted).toBe(0);
    await app.call('gallery.trash', { runIds: [first, second] });
    expect((await app.call('gallery.empty-trash', { runIds: [first] })).deleted).toBe(1);
    expect((await app.call('gallery.empty-trash', { runIds: null })).deleted).toBe(1);
    for (const id of [first, second]) {
      expect(existsSync(files.picture(id)) || existsSync(files.thumb(id)) || existsSync(files.previews(id))).toBe(
        false,
      );
      await expect(app.call('runs.get', { runId: id })).rejects.toMatchObject({ code: 'run.not-found' });
    }
  });
});

describe('photos', () => {
  let app: ScriptedHost;
  beforeEach(async () => {
    app = await openScriptedHost();
  });
  afterEach(async () => {
    await app.dispose();
  });

  it('are kept upright without metadata, and once', async () => {
    const dataBase64 = await photoBase64();
    const [a, b] = await Promise.all([
      app.call('photos.import', { role: 'identity', name: 'Ada', dataBase64 }),
      app.call('photos.import', { role: 'identity', name: 'Ada again', dataBase64 }),
    ]);
    expect(b).toEqual(a);
    expect(a).toMatchObject({ name: 'Ada', width: 80, height: 60, source: 'import', runCount: 0 });
    expect(await app.call('photos.list', { role: 'identity' })).toEqual([a]);
    const pose = await app.call('photos.import', { role: 'pose', name: 'Pose', dataBase64 });
    expect(pose.id).not.toBe(a.id);
    expect((await app.call('photos.rename', { photoId: a.id, name: 'Ada L.' })).name).toBe('Ada L.');
  });

  it('that are no pictures are refused in words, and leave nothing', async () => {
    const dataBase64 = Buffer.from('<svg onload="alert(1)"/>').toString('base64');
    await expect(app.call('photos.import', { role: 'identity', name: 'x.png', dataBase64 })).rejects.toMatchObject({
      code: 'image.unreadable',
    });
    expect(readdirSync(join(app.folder, 'data/photos'))).toEqual([]);
    expect(await app.call('photos.list', { role: 'identity' })).toEqual([]);
  });

  it('have their faces found once', async () => {
    const photo = await app.call('photos.import', { role: 'identity', name: 'A', dataBase64: await photoBase64() });
    const faces = await app.call('photos.detect', { photoId: photo.id, packId: app.packId });
    expect(faces.faces[0]?.box).toEqual([20, 15, 60, 45]);
    expect(app.host.store.photos.faces(photo.id, app.packId)).toEqual(faces);
    await expect(app.call('photos.detect', { photoId: photo.id, packId: 'gone' })).rejects.toMatchObject({
      code: 'pack.not-found',
    });
  });

  it('are deleted with everything made from them', async () => {
    const photo = await app.call('photos.import', { role: 'identity', name: 'A', dataBase64: await photoBase64() });
    await app.call('photos.detect', { photoId: photo.id, packId: app.packId });
    await app.call('comparisons.create', draftFor(app.packId, { identityId: photo.id }));
    await app.idle();
    const { store } = app.host;
    const embeddings = (): number => store.db.all('SELECT * FROM face_embeddings').length;
    expect(embeddings()).toBeGreaterThan(0);
    expect((await app.call('photos.list', { role: 'identity' }))[0]?.runCount).toBe(2);
    expect(await app.call('photos.delete', { photoId: photo.id })).toEqual({ runCount: 2 });
    expect(embeddings()).toBe(0);
    expect(store.photos.faces(photo.id, app.packId)).toBeNull();
    expect(readdirSync(join(app.folder, 'data/photos'))).toEqual([]);
    expect((await app.call('gallery.list', all)).total).toBe(2);
  });

  it('delete a photo at once while another picture is made', async () => {
    const app = await openScriptedHost();
    const photo = await app.call('photos.import', {
      role: 'identity',
      name: 'Someone',
      dataBase64: await photoBase64(),
    });
    await app.call('comparisons.create', draftFor(app.packId, { prompts: ['slow'], steps: 20 }));
    await expect.poll(() => app.host.hub.current('progress')?.stage).toBe('denoise');
    await app.call('photos.delete', { photoId: photo.id });
    expect(app.host.hub.current('progress')).not.toBeNull();
    await app.dispose();
  });

  it('that were deleted fail their queued pictures with a reason', async () => {
    await app.call('queue.pause', {});
    const photo = await app.call('photos.import', { role: 'identity', name: 'A', dataBase64: await photoBase64() });
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId, { identityId: photo.id }));
    await app.call('photos.delete', { photoId: photo.id });
    await app.call('queue.resume', {});
    await app.idle();
    const run = await app.call('runs.get', { runId: runIds[0] ?? '' });
    expect(run.error).toMatchObject({
      code: 'run.not-resumable',
      message: 'The identity photo of this picture was deleted.',
    });
  });
});

describe('packs, memory and settings', () => {
  it('list every pack, with the reason where one cannot be used', async () => {
    const app = await openScriptedHost({ packFolders: ['/nowhere/broken', '/nowhere/good'] });
    const packs = await app.call('packs.list', {});
    expect(packs.map((pack) => [pack.complete, pack.problem])).toEqual([
      [false, 'pack.json is not valid JSON.'],
      [true, null],
    ]);
    expect(JSON.stringify(packs)).not.toContain('/nowhere');
    expect(app.host.hub.current('packs')).toEqual(packs);
    const detail = await app.call('packs.inspect', { packId: packs[1]?.id ?? '' });
    expect(detail.components[0]).toMatchObject({ component: 'flux', bytesPerFormat: { nf4: 560 } });
    await expect(app.call('packs.add', {})).rejects.toThrow('cannot open a folder dialog');
    await expect(app.call('packs.remove', { packId: packs[1]?.id ?? '' })).rejects.toThrow('came with the app');
    await app.dispose();
  });

  it('remember folders that the person added, across restarts', async () => {
    const folder = { path: '' };
    const app = await openScriptedHost({ pickFolder: () => Promise.resolve(folder.path === '' ? null : folder.path) });
    expect(await app.call('packs.add', {})).toBeNull();
    folder.path = join(app.folder, 'data');
    const added = await app.call('packs.add', {});
    await app.call('packs.add', {});
    await app.restart();
    expect((await app.call('packs.list', {})).map((pack) => pack.id)).toEqual([app.packId, added?.id]);
    await app.call('packs.remove', { packId: added?.id ?? '' });
    expect(await app.call('packs.list', {})).toHaveLength(1);
    await app.dispose();
  });

  it('say what fits, and what would', async () => {
    const app = await openScriptedHost({
      spawnEngine: forkEngine(SCRIPTED_ENGINE, { SCRIPTED_FREE_BYTES: String(14e9) }),
    });
    const estimate = await app.call('packs.estimate', {
      packId: app.packId,
      provider: 'cpu',
      modelVariant: 'aes_stage2',
      width: 64,
      height: 64,
      variants: [
        { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
        { flux: 'int8', t5: 'int8', infusenet: 'int8' },
        { flux: 'nf4', t5: 'nf4', infusenet: 'nf4' },
      ],
    });
    expect(estimate.freeSource).toBe('scripted');
    expect(estimate.variants.map((variant) => variant.fit)).toEqual(['too-big', 'fits', 'fits']);
    expect(estimate.variants[0]).toMatchObject({
      peakBytes: 16e9 + 6.4e9 + 1e9,
      alternative: { flux: 'int8', t5: 'int8', infusenet: 'int8' },
    });
    expect(estimate.variants[2]?.alternative).toBeNull();
    await app.dispose();
  });

  it('keep settings one by one, and their defaults for what no longer fits', async () => {
    const app = await openScriptedHost();
    expect(await app.call('settings.set', { theme: 'light', thumbnailSize: 200 })).toMatchObject({ theme: 'light' });
    await app.call('settings.set', { draft: draftFor(app.packId) });
    app.host.store.db.run(`UPDATE settings SET value_json = '"purple"' WHERE key = 'theme'`);
    await app.restart();
    expect(await app.call('settings.get', {})).toMatchObject({
      theme: 'dark',
      thumbnailSize: 200,
      draft: draftFor(app.packId),
    });
    expect(app.host.hub.current('settings')?.thumbnailSize).toBe(200);
    await app.dispose();
  });

  it('name the machine', async () => {
    const app = await openScriptedHost();
    const info = await app.call('system.info', {});
    expect(info).toMatchObject({ host: 'web', defaultProvider: 'cpu', appVersion: '0.0.0-test' });
    expect(info.providers).toContainEqual({ provider: 'cuda', available: false, detail: 'no libraries' });
    expect(info.versions['scripted']).toBe('1');
    await expect(app.call('system.open-folder', { folder: 'logs' })).rejects.toThrow('cannot open the file manager');
    await app.dispose();
  });
});
