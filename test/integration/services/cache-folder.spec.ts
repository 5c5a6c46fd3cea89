/** Where converted weights lie, as chosen in the settings or named at start. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';

describe('the folder of converted weights', () => {
  let app: ScriptedHost;
  const dialog = { answer: null as string | null };
  beforeAll(async () => {
    app = await openScriptedHost({ pickFolder: () => Promise.resolve(dialog.answer) });
  });
  afterAll(() => app.dispose());

  it('is in the data folder at first', async () => {
    const folder = join(app.folder, 'data', 'cache');
    expect(await app.call('cache.folder', {})).toEqual({
      folder,
      isDefault: true,
      isNamed: false,
      bytes: 0,
    });
  });

  it('is chosen, remembered, and what the engine is told', async () => {
    dialog.answer = join(app.folder, 'large disk');
    expect(await app.call('cache.choose-folder', { choice: { kind: 'dialog' } })).toEqual({
      folder: dialog.answer,
      isDefault: false,
      isNamed: false,
      bytes: 0,
    });
    expect(await readdir(dialog.answer)).toEqual([]);
    await app.restart();
    expect((await app.call('cache.folder', {})).folder).toBe(dialog.answer);
    const { runIds } = await app.call('comparisons.create', draftFor(app.packId));
    await app.idle();
    const run = app.host.store.runs.get(runIds[0] ?? '');
    expect(run?.status).toBe('done');
    // The engine makes the folder that it is told.
    expect(await readdir(dialog.answer)).toEqual([app.packId]);
    expect((await app.call('cache.choose-folder', { choice: { kind: 'default' } }))?.isDefault).toBe(true);
  });

  it('stays when the dialog is closed', async () => {
    dialog.answer = null;
    expect(await app.call('cache.choose-folder', { choice: { kind: 'dialog' } })).toBeNull();
  });

  it('is refused where it is no folder or no whole path', async () => {
    const file = join(app.folder, 'a file');
    await writeFile(file, '');
    await expect(app.call('cache.choose-folder', { choice: { kind: 'folder', folder: file } })).rejects.toMatchObject({
      code: 'disk.failed',
    });
    await expect(app.call('cache.choose-folder', { choice: { kind: 'folder', folder: 'cache' } })).rejects.toThrow(
      '"cache" is not an absolute path.',
    );
    expect((await app.call('cache.folder', {})).isDefault).toBe(true);
  });

  it('is offered what the old one has, which moves when asked and leaves other files alone', async () => {
    const usual = join(app.folder, 'data', 'cache');
    const [pack, other] = [join(usual, app.packId), join(app.folder, 'a disk')];
    await mkdir(pack, { recursive: true });
    const names = ['flux.nf4.f32.aa.bb.v1.weights', 't5.int8.f32.aa.bb.v1.weights', 'flux.weight-errors.aa.v1.json'];
    for (const name of names) await writeFile(join(pack, name), 'x'.repeat(1000));
    await mkdir(join(other, 'My letters'), { recursive: true });
    await writeFile(join(other, 'My letters', 'to.txt'), 'Dear …');
    await writeFile(join(pack, 'notes.txt'), 'mine');
    expect((await app.call('cache.folder', {})).bytes).toBe(3000);

    await app.call('cache.choose-folder', { choice: { kind: 'folder', folder: other } });
    const offer = { status: 'paused', from: usual, to: other, totalBytes: 3000 };
    expect(app.host.hub.current('cacheMove')).toMatchObject(offer);
    await app.restart();
    await app.host.services.cacheMove.offer();
    expect(app.host.hub.current('cacheMove')).toMatchObject(offer);
    await app.call('cache.move', {});
    await expect.poll(() => app.host.hub.current('cacheMove')).toBeNull();
    expect((await readdir(join(other, app.packId))).toSorted()).toEqual(names.toSorted());
    expect(await readdir(pack)).toEqual(['notes.txt']);
    expect(await app.call('cache.folder', {})).toMatchObject({ folder: other, bytes: 3000 });

    // Removing all that belongs to no pack takes none of a person's files either.
    await app.call('cache.remove', { packId: null, key: null });
    expect(await readFile(join(other, 'My letters', 'to.txt'), 'utf8')).toBe('Dear …');
    await app.call('cache.choose-folder', { choice: { kind: 'default' } });
    expect(app.host.hub.current('cacheMove')).toMatchObject({ from: other, to: usual });
    await app.call('cache.leave', {});
    expect(app.host.hub.current('cacheMove')).toBeNull();
    await app.restart();
    await app.host.services.cacheMove.offer();
    expect(app.host.hub.current('cacheMove')).toBeNull();
    expect((await readdir(join(other, app.packId))).length).toBe(3);
  });

  it('keeps a move that fails, with the reason, and goes on', async () => {
    const usual = join(app.folder, 'data', 'cache', app.packId);
    const target = join(app.folder, 'blocked');
    await mkdir(usual, { recursive: true });
    await writeFile(join(usual, 'vae.nf4.f32.aa.bb.v1.weights'), 'x');
    await app.call('cache.choose-folder', { choice: { kind: 'folder', folder: target } });
    await writeFile(join(target, app.packId), 'a file where the folder of the pack belongs');
    await app.call('cache.move', {});
    const current = () => app.host.hub.current('cacheMove');
    await expect.poll(() => current()?.status).toBe('failed');
    expect(current()?.error).toMatchObject({ code: 'disk.failed' });
    await rm(join(target, app.packId));
    await app.call('cache.move', {});
    await expect.poll(current).toBeNull();
    expect(await readdir(join(target, app.packId))).toEqual(['vae.nf4.f32.aa.bb.v1.weights']);
  });

  it('cannot be changed where it was named at start', async () => {
    const cacheDir = join(app.folder, 'named');
    await app.restart({ cacheDir });
    expect(await app.call('cache.folder', {})).toEqual({
      folder: cacheDir,
      isDefault: false,
      isNamed: true,
      bytes: 0,
    });
    await expect(app.call('cache.choose-folder', { choice: { kind: 'default' } })).rejects.toThrow(
      'set when the app was started',
    );
  });
});
