import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import type { RunResult } from '../../../src-main/contract/run.js';
import { Database } from '../../../src-main/store/database.js';
import { DifferencesRepo } from '../../../src-main/store/differences-repo.js';
import { backupPath, type Migration } from '../../../src-main/store/migrate.js';
import { LorasRepo } from '../../../src-main/store/loras-repo.js';
import { RunsRepo } from '../../../src-main/store/runs-repo.js';
import { MIGRATIONS } from '../../../src-main/store/migrations/index.js';
import { loadSqliteDriver } from '../../../src-main/store/sqlite-driver.js';

const UNRELEASED = fileURLToPath(new URL('../../fixtures/store/unreleased.sql', import.meta.url));

let folder: string;
let file: string;
const opened: Database[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'likeness-db-'));
  file = join(folder, 'test.db');
});
afterEach(() => {
  for (const db of opened.splice(0)) db.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(migrations?: readonly Migration[]): Database {
  const db = Database.open(file, { busyTimeoutMs: 50, ...(migrations === undefined ? {} : { migrations }) });
  opened.push(db);
  return db;
}

function failure(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('opening', () => {
  it('makes STRICT tables with foreign keys, WAL and the newest version', () => {
    const db = open();
    expect(db.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
    expect(db.get('PRAGMA user_version')).toEqual({ user_version: MIGRATIONS.length * 10 });
    const tables = db.all(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND strict = 0`,
    ) as { name: string }[];
    expect(tables.filter((table) => !table.name.startsWith('runs_fts'))).toEqual([]);
    expect(() => db.run('INSERT INTO settings (key, value_json) VALUES (?, ?)', ['x', null])).toThrow(AppError);
  });

  it('refuses a second opener with words', () => {
    open();
    expect(failure(() => open()).code).toBe('store.busy');
  });

  it('takes over at once after a killed process', () => {
    const script = `
      const Database = require('better-sqlite3');
      const db = new Database(${JSON.stringify(file)});
      db.pragma('locking_mode = EXCLUSIVE'); db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE t (a); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)');
      process.kill(process.pid, 'SIGKILL');`;
    const driverIsClassic = loadSqliteDriver() === loadSqliteDriver(9);
    const run = (): unknown =>
      execFileSync(process.execPath, [
        '-e',
        driverIsClassic ? script : script.replace('better-sqlite3', 'better-sqlite3-napi'),
      ]);
    expect(run).toThrow();
    const db = open([]);
    expect(db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  it('refuses a file from the future and leaves it alone', () => {
    open().close();
    const db = new (loadSqliteDriver())(file);
    db.pragma('user_version = 990');
    db.close();
    const before = readFileSync(file);
    const error = failure(() => open());
    expect(error.code).toBe('store.newer-schema');
    expect(error.message).toContain('its schema is 990');
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it.each([
    [
      'something else entirely',
      () => {
        writeFileSync(file, 'not a database, but long enough to have a header '.repeat(40));
      },
    ],
    [
      'a damaged page',
      () => {
        const bytes = readFileSync(file);
        bytes.fill(0xa5, 4096, 4096 * 6);
        writeFileSync(file, bytes);
      },
    ],
    [
      'a cut file',
      () => {
        truncateSync(file, Math.floor(statSync(file).size / 2));
      },
    ],
  ])('recognizes %s as damage', (_what, damage) => {
    const db = open();
    for (let i = 0; i < 200; i += 1)
      db.run('INSERT INTO settings (key, value_json) VALUES (?, ?)', [`k${i}`, '"x"'.repeat(50)]);
    db.close();
    damage();
    const error = failure(() => open());
    expect(error.code).toBe('store.corrupt');
    expect(error.remedy).toContain('pictures are safe');
  });
});

describe('migrations', () => {
  const one: Migration = { version: 10, up: (db) => db.exec('CREATE TABLE a (x INTEGER) STRICT') };
  const two: Migration = { version: 20, up: (db) => db.exec('ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x') };

  it('run once, in order, with a copy of what was there', () => {
    const first = open([one]);
    first.run('INSERT INTO a VALUES (7)');
    first.close();
    const second = open([one, two]);
    expect(second.all('SELECT * FROM a')).toEqual([{ x: 7, y: 7 }]);
    second.close();
    const copy = new (loadSqliteDriver())(backupPath(file, 10), { readonly: true });
    expect(copy.pragma('user_version', { simple: true })).toBe(10);
    expect(copy.prepare('SELECT * FROM a').all()).toEqual([{ x: 7 }]);
    copy.close();
    open([one, two]);
  });

  it('leave the file as it was when one fails', () => {
    const first = open([one]);
    first.run('INSERT INTO a VALUES (7)');
    first.close();
    const failing: Migration = {
      version: 20,
      up: (db) => {
        db.exec('DELETE FROM a');
        db.exec('NOT SQL');
      },
    };
    expect(failure(() => open([one, failing])).code).toBe('store.failed');
    expect(open([one]).all('SELECT * FROM a')).toEqual([{ x: 7 }]);
  });

  it('make no copy of a new file', () => {
    open([one, two]);
    expect(existsSync(backupPath(file, 0))).toBe(false);
  });

  it('must be numbered in tens without a gap', () => {
    expect(() => open([two])).toThrow('not 10');
  });

  it('find rows of the version before by their words, and keep finding them when they change', () => {
    const table: Migration = {
      version: 10,
      up: (db) => db.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)'),
    };
    const search: Migration = {
      version: 20,
      up: (db) =>
        db.exec(`CREATE VIRTUAL TABLE found USING fts5 (text, content = 'notes', content_rowid = 'id');
        INSERT INTO found (found) VALUES ('rebuild')`),
    };
    const old = open([table]);
    old.run("INSERT INTO notes (text) VALUES ('a harbour'), ('a library')");
    old.close();
    expect(open([table, search]).all("SELECT rowid FROM found WHERE found MATCH 'harbour'")).toEqual([{ rowid: 1 }]);
    expect(existsSync(backupPath(file, 10))).toBe(true);
  });

  it('refuse a gallery from before the first release, and leave it alone', () => {
    const db = new (loadSqliteDriver())(file);
    db.pragma('journal_mode = WAL');
    db.exec(readFileSync(UNRELEASED, 'utf8'));
    db.close();
    const before = readFileSync(file);
    expect(failure(() => open()).code).toBe('store.unreleased');
    expect(readFileSync(file).equals(before)).toBe(true);
    for (const version of [10, 40, 990]) {
      const again = new (loadSqliteDriver())(file);
      again.pragma(`user_version = ${version}`);
      again.close();
      expect(failure(() => open()).code).toBe('store.unreleased');
    }
  });
});

describe('the tables', () => {
  function withRuns(...ids: readonly string[]): Database {
    return fillRuns(open(), ids);
  }

  function fillRuns(db: Database, ids: readonly string[]): Database {
    db.run(`INSERT INTO comparisons (public_id, title, created_at_ms, queue_position) VALUES ('c', 't', 5, 1)`);
    db.run(`INSERT INTO variants (flux, t5, infusenet) VALUES ('int8', 'int8', 'nf4')`);
    for (const id of ids) insertRun(db, id, 'p');
    return db;
  }

  function insertRun(db: Database, id: string, prompt: string): void {
    db.run(
      `INSERT INTO runs (public_id, comparison_id, variant_id, cell_index, run_order, repeat_index, status,
         created_at_ms, pack_id, provider, model_variant, face_index, prompt, seed, steps, width, height, guidance,
         conditioning_scale, start_fraction, end_fraction, loras_json)
       VALUES (?, 1, 1, 0, 0, 1, 'done', 5, 'demo', 'cpu', 'v', 0, ?, 1, 1, 64, 64, 1, 1, 0, 1, '[]')`,
      [id, prompt],
    );
  }

  it('find runs by the words of their prompts, also when those change', () => {
    const db = withRuns();
    const found = (word: string): unknown[] =>
      db.all('SELECT public_id FROM runs WHERE id IN (SELECT rowid FROM runs_fts WHERE runs_fts MATCH ?)', [word]);
    insertRun(db, 'r1', 'a café by the harbour');
    insertRun(db, 'r2', 'a library');
    expect(found('cafe')).toEqual([{ public_id: 'r1' }]);
    insertRun(db, 'r3', 'harbour again');
    expect(found('harbour')).toEqual([{ public_id: 'r1' }, { public_id: 'r3' }]);
    db.run(`UPDATE runs SET prompt = 'a mountain' WHERE public_id = 'r1'`);
    db.run(`DELETE FROM runs WHERE public_id = 'r3'`);
    expect(found('harbour')).toEqual([]);
    expect(found('mountain')).toEqual([{ public_id: 'r1' }]);
  });

  it('keep LoRAs with the hash of their contents', () => {
    const repo = new LorasRepo(open());
    const lora = { id: 'lora-a', file: '/a.safetensors', name: 'a', bytes: 5, layers: 2, isCopy: false };
    repo.save({ ...lora, sha256: 'aa', changedAtMs: 1 }, 1);
    repo.saveHash('lora-a', 'ab', 6, 7);
    expect(repo.get('lora-a')).toEqual({ ...lora, bytes: 6, sha256: 'ab', changedAtMs: 7 });
  });

  it('keep differences as long as both runs', () => {
    const db = withRuns('r1', 'r2');
    const differences = new DifferencesRepo(db);
    const whole = { pixels: 1, identical: false, psnr: 3, ssim: null, meanAbsolute: 1, maxAbsolute: 2, flip: 0.5 };
    differences.save('r1', 'r2', { whole, face: null, surroundings: null });
    differences.save('r1', 'r2', { whole, face: whole, surroundings: null });
    expect(differences.get('r1', 'r2')).toEqual({ whole, face: whole, surroundings: null });
    expect(differences.get('r2', 'r1')).toBeNull();
    db.run(`DELETE FROM runs WHERE public_id = 'r1'`);
    expect(db.all('SELECT * FROM differences')).toEqual([]);
  });

  it('keep the device of a run where it is not the first', () => {
    const runs = new RunsRepo(withRuns('r1'));
    const settings = runs.get('r1')?.settings;
    if (settings === undefined) throw new Error('the run is gone');
    expect(settings).not.toHaveProperty('deviceId');
    const run = { id: 'r2', cellIndex: 1, runOrder: 1, repeat: 1, settings: { ...settings, deviceId: 1 } };
    runs.insert(1, run, 6);
    expect(runs.get('r2')?.settings).toEqual(run.settings);
  });

  it('keep the limit of a run’s memory, and where its weights were', () => {
    const runs = new RunsRepo(withRuns('r1'));
    const settings = { ...(runs.get('r1')?.settings ?? expect.fail('the run is gone')), memoryLimit: 7.5 };
    runs.insert(1, { id: 'r2', cellIndex: 1, runOrder: 1, repeat: 1, settings }, 6);
    const weightPlaces = { residentBytes: 5 * 2 ** 30, streamedBytes: 16 * 2 ** 30, fromDiskBytes: 3 };
    const result: RunResult = {
      ...{
        phases: [],
        stepSeconds: [1],
        computeDtype: 'f16' as const,
        weightHashes: {},
        weightTypes: {},
        keepList: [],
      },
      ...{ versions: {}, pixelHash: 'ff', previewSteps: [], spill: null, faceScores: [], secondEncoder: null },
      decode: { mode: 'whole', tiles: 1, reason: 'fits', wholeBytes: 1, freeBytes: null },
      weightPlaces,
    };
    const score = { identityScore: null, identityState: 'no-identity', faceEmbeddings: [] } as const;
    runs.finish('r2', { result, ...score, totalSeconds: 1, finishedAtMs: 7 });
    expect(runs.get('r2')?.settings).toEqual(settings);
    expect(runs.get('r2')?.result?.weightPlaces).toEqual(weightPlaces);
  });

  it('have neither in a gallery from before there was a limit', () => {
    const before = fillRuns(open(MIGRATIONS.filter(({ version }) => version <= 20)), ['r1']);
    before.run(
      `INSERT INTO results (run_id, compute_dtype, pixel_hash, step_seconds_json, weight_hashes_json, keep_list_json,
         versions_json, preview_steps_json, decode_json, face_scores_json)
       VALUES (1, 'f16', 'ff', '[1]', '{}', '[]', '{}', '[]',
         '{"mode":"whole","tiles":1,"reason":"fits","wholeBytes":1,"freeBytes":null}', '[]')`,
    );
    before.close();
    const run = new RunsRepo(open()).get('r1');
    expect(existsSync(backupPath(file, 20))).toBe(true);
    expect(run?.settings).not.toHaveProperty('memoryLimit');
    expect(run?.result).toMatchObject({ pixelHash: 'ff', weightPlaces: null });
  });

  it('keep embeddings of faces as long as the run', () => {
    const db = withRuns('scored');
    const runs = new RunsRepo(db);
    expect(runs.faceEmbeddings('scored').size).toBe(0);
    const embedding = new Uint8Array(Float32Array.of(0.6, 0.8).buffer);
    db.run(`INSERT INTO face_embeddings SELECT id, 'a1', ? FROM runs WHERE public_id = 'scored'`, [embedding]);
    expect([...runs.faceEmbeddings('scored')]).toEqual([['a1', Float32Array.of(0.6, 0.8)]]);
    db.run(`DELETE FROM runs WHERE public_id = 'scored'`);
    expect(db.all('SELECT * FROM face_embeddings')).toEqual([]);
  });
});

describe('failures', () => {
  it('are wrapped once, by their code', () => {
    const db = open();
    const error = failure(() => db.all('SELECT * FROM nothing'));
    expect(error.code).toBe('store.failed');
    expect(error.details['sqliteCode']).toBe('SQLITE_ERROR');
    const twice = { sql: 'INSERT INTO packs (public_id, folder, added_at_ms) VALUES (?, ?, ?)', row: ['a', 'b', 1] };
    db.run(twice.sql, twice.row);
    expect(failure(() => db.run(twice.sql, twice.row)).details['sqliteCode']).toMatch(/^SQLITE_CONSTRAINT/);
  });

  it('of a transaction undo all of it', () => {
    const db = open();
    const set = (key: string): unknown => db.run('INSERT INTO settings (key, value_json) VALUES (?, ?)', [key, '1']);
    expect(() =>
      db.transaction(() => {
        set('a');
        db.transaction(() => set('b'));
        throw new RangeError('stop');
      }),
    ).toThrow(RangeError);
    expect(db.all('SELECT * FROM settings')).toEqual([]);
  });
});
