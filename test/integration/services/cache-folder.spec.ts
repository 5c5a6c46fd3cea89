/** Where converted weights lie, as chosen in the settings or named at start. */
import { readdir, writeFile } from 'node:fs/promises';
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
    expect(await app.call('cache.folder', {})).toEqual({ folder, isDefault: true, isNamed: false });
  });

  it('is chosen, remembered, and what the engine is told', async () => {
    dialog.answer = join(app.folder, 'large disk');
    expect(await app.call('cache.choose-folder', { choice: { kind: 'dialog' } })).toEqual({
      folder: dialog.answer,
      isDefault: false,
      isNamed: false,
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

  it('cannot be changed where it was named at start', async () => {
    const cacheDir = join(app.folder, 'named');
    await app.restart({ cacheDir });
    expect(await app.call('cache.folder', {})).toEqual({ folder: cacheDir, isDefault: false, isNamed: true });
    await expect(app.call('cache.choose-folder', { choice: { kind: 'default' } })).rejects.toThrow(
      'set when the app was started',
    );
  });
});
