import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SETTING_NAMES, SETTINGS, type RunSettings } from '../../../src-main/contract/generation-settings.js';
import { loadSqliteDriver } from '../../../src-main/store/sqlite-driver.js';
import { databaseFile, openStore, type Store } from '../../../src-main/store/store.js';
import { fillGallery, rowId } from '../../bench/gallery-rows.js';

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'likeness-store-'));
  store = await openStore(folder);
});
afterEach(() => {
  store.db.close();
  rmSync(folder, { recursive: true, force: true });
});

async function reopen(): Promise<void> {
  store.db.close();
  store = await openStore(folder);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a gallery from before the first release', () => {
  it('is kept aside with its pictures, named, and followed by a new one', async () => {
    await store.files.write(store.files.picture('r1'), bytes('a picture'));
    store.db.close();
    const file = databaseFile(folder);
    rmSync(file);
    const old = new (loadSqliteDriver())(file);
    old.exec(readFileSync(new URL('../../fixtures/store/unreleased.sql', import.meta.url), 'utf8'));
    old.close();
    writeFileSync(`${file}.daily.bak`, 'a copy');
    const error = await openStore(folder).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'store.unreleased', remedy: expect.stringContaining('new gallery begins') });
    const [aside = ''] = readdirSync(folder).filter((name) => name.startsWith('unreleased-'));
    expect(error).toMatchObject({ message: expect.stringContaining(join(folder, aside)) });
    expect(readFileSync(join(folder, aside, 'pictures', 'r1', 'r1.png'), 'utf8')).toBe('a picture');
    expect(readFileSync(join(folder, aside, 'likeness-lab.db.daily.bak'), 'utf8')).toBe('a copy');
    const kept = new (loadSqliteDriver())(join(folder, aside, 'likeness-lab.db'), { readonly: true });
    expect(kept.prepare('SELECT prompt FROM runs').all()).toEqual([{ prompt: 'a library' }]);
    kept.close();

    store = await openStore(folder);
    expect(store.gallery.counts()).toEqual({ total: 0, trashed: 0 });
    expect(existsSync(store.files.picture('r1'))).toBe(false);
  });
});

describe('files', () => {
  it('are written whole, and leave no temporary name behind', async () => {
    const path = store.files.picture('run_1');
    await store.files.write(path, bytes('one'));
    await store.files.write(path, bytes('two'));
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(readdirSync(join(path, '..'))).toEqual(['run_1.png']);
  });

  it('fail with the disk named when the folder is gone', async () => {
    rmSync(join(folder, 'photos'), { recursive: true });
    writeFileSync(join(folder, 'photos'), 'a file where the folder was');
    await expect(store.files.write(store.files.photo('p'), bytes('x'))).rejects.toMatchObject({
      code: 'disk.failed',
      message: expect.stringContaining('Could not write a picture'),
    });
  });

  it('are never asked for by anything but an id', () => {
    for (const id of ['../x', 'a/b', '', '.', 'a.b', 'x'.repeat(65)]) {
      expect(() => store.files.picture(id)).toThrow('not an id');
      expect(() => store.files.photo(id)).toThrow('not an id');
      expect(() => store.files.previews(id)).toThrow('not an id');
    }
  });

  it('half written before a crash are gone after the next start; others stay, even without a row', async () => {
    const picture = store.files.picture('unknown');
    await store.files.write(picture, bytes('kept'));
    const half = `${store.files.picture('half')}.tmp-abc123`;
    mkdirSync(join(half, '..'), { recursive: true });
    writeFileSync(half, 'half');
    writeFileSync(store.files.work('w'), 'engine output');
    await reopen();
    expect(existsSync(half)).toBe(false);
    expect(existsSync(store.files.work('w'))).toBe(false);
    expect(existsSync(picture)).toBe(true);
  });
});

describe('a photo', () => {
  const photo = {
    id: 'p1',
    role: 'identity' as const,
    name: 'Ada',
    source: 'import' as const,
    sha256: 'aa',
    width: 10,
    height: 20,
    createdAtMs: 5,
  };

  it('whose import never ended leaves nothing', async () => {
    store.photos.announce('p1');
    await store.files.write(store.files.photo('p1'), bytes('face'));
    await reopen();
    expect(existsSync(store.files.photo('p1'))).toBe(false);
    expect(store.deletions.list()).toEqual([]);
  });

  it('is deleted with its faces and files, also across a crash', async () => {
    store.photos.announce('p1');
    await store.files.write(store.files.photo('p1'), bytes('face'));
    await store.files.write(store.files.photoThumb('p1'), bytes('face'));
    store.photos.insert(photo);
    expect(store.deletions.list()).toEqual([]);
    store.photos.saveFaces('p1', 'demo', { width: 10, height: 20, faces: [], detector: 'centred' });
    store.photos.delete('p1'); // and the host dies here
    await reopen();
    expect(store.photos.get('p1')).toBeNull();
    expect(store.db.all('SELECT * FROM photo_faces')).toEqual([]);
    expect(readdirSync(join(folder, 'photos'))).toEqual([]);
  });
});

describe('runs', () => {
  beforeEach(() => {
    fillGallery(store, 10);
  });

  it('that were under way are interrupted at the next start, and their files cleared', async () => {
    store.db.run(`UPDATE runs SET status = 'running' WHERE public_id = ?`, [rowId(0)]);
    store.db.run(`UPDATE runs SET status = 'queued' WHERE public_id = ?`, [rowId(1)]);
    await store.files.write(store.files.picture(rowId(0)), bytes('half'));
    await store.files.write(store.files.picture(rowId(2)), bytes('whole'));
    await reopen();
    expect([0, 1, 2].map((i) => store.runs.status(rowId(i)))).toEqual(['interrupted', 'interrupted', 'done']);
    expect(existsSync(store.files.picture(rowId(0)))).toBe(false);
    expect(existsSync(store.files.picture(rowId(2)))).toBe(true);
  });

  it('in the trash come back as they were, or go for good with their comparison', () => {
    const ids = Array.from({ length: 5 }, (_, i) => rowId(i));
    const before = store.runs.get(rowId(0));
    expect(store.gallery.trash([...ids, 'unknown'], 99)).toHaveLength(5);
    expect(store.gallery.trash(ids, 100)).toEqual([]);
    expect(store.gallery.counts()).toEqual({ total: 5, trashed: 5 });
    store.gallery.restore([rowId(0)]);
    expect(store.runs.get(rowId(0))).toEqual(before);
    expect(store.gallery.deleteTrashed(null)).toHaveLength(4);
    store.gallery.trash([rowId(0)], 101);
    expect(store.gallery.deleteTrashed([rowId(0), rowId(7)])).toEqual([rowId(0)]);
    expect(store.comparisons.head('cmp-000000000000')).toBeNull();
    expect(store.db.get('SELECT count(*) AS n FROM phase_measurements')).toEqual({ n: 10 });
    expect(store.runs.status(rowId(7))).toBe('done');
  });

  it('are found that differ in one setting, whichever it is', () => {
    const run = store.runs.get(rowId(0)) ?? expect.fail('there is no such run');
    const far = { ...run.settings, prompt: 'another', seed: run.settings.seed + 1 };
    store.db.run('DELETE FROM runs WHERE public_id <> ?', [run.id]);
    const { id } = store.db.get('SELECT comparison_id AS id FROM runs') as { id: number };
    const add = (name: string, settings: RunSettings): void => {
      store.runs.insert(id, { id: name, cellIndex: 1, runOrder: 1, repeat: 1, settings }, 1);
    };
    add('far', far);
    for (const name of SETTING_NAMES) {
      const value = SETTINGS[name].kind === 'text' ? `another ${name}` : Number(run.settings[name]) + 1;
      add(name, { ...run.settings, [name]: value });
      expect(store.runs.get(name)?.settings).toEqual({ ...run.settings, [name]: value });
    }
    const more: Record<string, Partial<RunSettings>> = {
      loras: { loras: [{ loraId: 'style', name: 'style', weight: 0.5 }] },
      decode: { decode: 'tiles' },
      'memory limit': { memoryLimit: 7.5 },
      device: { deviceId: 1 },
    };
    for (const [name, change] of Object.entries(more)) {
      add(name, { ...run.settings, ...change });
      add(`${name} and seed`, { ...run.settings, ...change, seed: run.settings.seed + 1 });
    }
    store.db.run(`UPDATE runs SET status = 'done'`);
    const found = store.gallery.oneSettingAway(run).map(({ detail }) => detail.id);
    expect(found.sort()).toEqual([...SETTING_NAMES, ...Object.keys(more)].sort());
  });

  it('from before there was a setting were made with what it begins with', async () => {
    const { settings } = store.runs.get(rowId(0)) ?? expect.fail('there is no such run');
    store.db.run('ALTER TABLE runs DROP COLUMN conditioning_scale');
    await reopen();
    expect(store.runs.get(rowId(0))?.settings).toEqual({ ...settings, conditioningScale: 1 });
  });

  it('tell the pace of runs like one, those of its size first, without those that spilled', () => {
    const settingsOf = (index: number) => store.runs.get(rowId(index))?.settings ?? expect.fail('there is no such run');
    const wanted = settingsOf(0);
    const own = (index: number): void => {
      const { identityId, packId, provider, modelVariant, formats } = wanted;
      store.db.run(
        `UPDATE runs SET identity_id = ?, pack_id = ?, provider = ?, model_variant = ?, variant_id = ?, width = ?
         WHERE public_id = ?`,
        [identityId, packId, provider, modelVariant, store.runs.variantKey(formats), 64 * (index + 1), rowId(index)],
      );
    };
    for (const index of [0, 1, 2, 3]) own(index);
    const widths = () => store.paces.like({ ...wanted, width: 64 }).map(({ width }) => width);
    expect(widths()).toEqual([64, 256, 192, 128]);
    const [first] = store.paces.like({ ...wanted, width: 64 });
    expect(first).toMatchObject({
      totalSeconds: store.runs.get(rowId(0))?.totalSeconds,
      stepSeconds: store.runs.get(rowId(0))?.result?.stepSeconds,
      decodeMode: 'whole',
    });
    store.db.run(`UPDATE results SET spill_json = '{}' WHERE run_id = (SELECT id FROM runs WHERE public_id = ?)`, [
      rowId(3),
    ]);
    store.db.run('UPDATE runs SET identity_id = NULL WHERE public_id = ?', [rowId(2)]);
    expect(widths()).toEqual([64, 128]);
  });

  it('that are queued or running cannot be trashed', () => {
    store.db.run(`UPDATE runs SET status = 'queued' WHERE public_id = ?`, [rowId(0)]);
    expect(store.gallery.trash([rowId(0)], 1)).toEqual([]);
  });

  it('keep tags without regard to case, and tags die with their last run', () => {
    store.gallery.addTag([rowId(0)], 'Fresh');
    expect(store.gallery.addTag([rowId(0), rowId(1)], 'fresh')).toBe(1);
    expect(store.gallery.tagged([rowId(0), rowId(1), rowId(2)], 'FRESH')).toEqual([rowId(0), rowId(1)]);
    expect(store.gallery.tags().find((tag) => tag.tag === 'Fresh')?.count).toBe(2);
    store.gallery.removeTag([rowId(0), rowId(1)], 'fresh');
    expect(store.gallery.tags().some((tag) => tag.tag === 'Fresh')).toBe(false);
  });
});
