/**
 * One SQLite file: opening with pragmas, migrations and a health check; cached statements; wrapped failures. Knows no
 * table.
 */
import { existsSync } from 'node:fs';
import type { Statement } from 'better-sqlite3';
import { AppError } from '../base/app-error.js';
import { isBusy, isOpenElsewhere, patientlySync } from '../disk/patience.js';
import { migrate, type Migration } from './migrate.js';
import { MIGRATIONS } from './migrations/index.js';
import { loadSqliteDriver, type SqliteDatabase } from './sqlite-driver.js';
import { storeError } from './store-error.js';

type Params = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface OpenOptions {
  /** Default: the app's own. */
  readonly migrations?: readonly Migration[];
  /** How long to wait for another process's lock. Default 1000 ms: enough for a process that is closing. */
  readonly busyTimeoutMs?: number;
}

export class Database {
  readonly #db: SqliteDatabase;
  readonly #statements = new Map<string, Statement>();

  private constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /**
   * Opens or creates the file for this process alone and brings it to the newest schema. Before a migration it keeps a
   * copy `<file>.v<version>.bak`.
   * @throws AppError store.busy, store.corrupt, store.newer-schema, store.unreleased, store.failed, disk.failed
   */
  static open(file: string, options: OpenOptions = {}): Database {
    const driver = loadSqliteDriver();
    let db: SqliteDatabase | undefined;
    try {
      const existed = file !== ':memory:' && existsSync(file);
      const timeout = options.busyTimeoutMs ?? 1000;
      db = patientlySync(() => openFree(() => new driver(file, { timeout }), file));
      // Exclusive: a second host on the same folder would run the same queue twice.
      db.pragma('locking_mode = EXCLUSIVE');
      db.pragma('journal_mode = WAL');
      // A power cut may lose the last transaction but never the file; each picture is synced before its row.
      db.pragma('synchronous = NORMAL');
      db.pragma('foreign_keys = ON');
      db.pragma('trusted_schema = OFF');
      // Deleted data is overwritten, not only unlinked.
      db.pragma('secure_delete = ON');
      // Takes the lock now, so that a second host fails here.
      db.exec('BEGIN EXCLUSIVE; COMMIT');
      if (existed) checkHealth(db);
      migrate(db, options.migrations ?? MIGRATIONS, file);
      db.pragma('optimize = 0x10002');
      return new Database(db);
    } catch (error) {
      db?.close();
      throw wrap(error, 'open the database');
    }
  }

  all(sql: string, params: Params = []): unknown[] {
    return this.#guard('read', () => this.#statement(sql).all(params));
  }

  /** All rows as arrays of columns; several times faster for thousands of rows. */
  allRaw(sql: string, params: Params = []): unknown[][] {
    return this.#guard('read', () => this.#statement(sql).raw().all(params) as unknown[][]);
  }

  /** The first row or undefined. */
  get(sql: string, params: Params = []): unknown {
    return this.#guard('read', () => this.#statement(sql).get(params));
  }

  /** Runs a change. `lastId` is the rowid of the last insert. */
  run(sql: string, params: Params = []): { readonly changes: number; readonly lastId: number } {
    return this.#guard('save', () => {
      const info = this.#statement(sql).run(params);
      return { changes: info.changes, lastId: Number(info.lastInsertRowid) };
    });
  }

  /** All or nothing. Nested calls join the outer one. */
  transaction<T>(work: () => T): T {
    return this.#guard('save', () => (this.#db.inTransaction ? work() : this.#db.transaction(work).immediate()));
  }

  /** Lines of SQLite's plan for a query; for tests that pin an index. */
  queryPlan(sql: string, params: Params = []): string[] {
    const rows = this.all(`EXPLAIN QUERY PLAN ${sql}`, params) as { detail: string }[];
    return rows.map((row) => row.detail);
  }

  /** Moves the write-ahead log's contents into the file and empties the log. */
  truncateLog(): void {
    this.#guard('save', () => this.#db.pragma('wal_checkpoint(TRUNCATE)'));
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.open) this.#db.close();
  }

  #statement(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw wrap(error, what);
    }
  }
}

/** SQLite's failures as `AppError`s; anything else (a bug, an `AppError`) unchanged. */
function wrap(error: unknown, what: string): unknown {
  const isDatabase = error instanceof Error && (error.name === 'SqliteError' || isBusy(error));
  return isDatabase ? storeError(error, what) : error;
}

/**
 * SQLite waits 1.4 s for a file that another program has open on Windows, and then says that it cannot be opened. Elsewhere
 * no program can have it to itself, and closing it after a look would take the locks that this process has on it.
 * @throws EBUSY
 */
function openFree<T>(open: () => T, file: string): T {
  if (process.platform === 'win32' && isOpenElsewhere(file)) {
    throw Object.assign(new Error(`${file} is in use`), { code: 'EBUSY' });
  }
  return open();
}

function checkHealth(db: SqliteDatabase): void {
  const [first] = db.pragma('quick_check(1)') as { quick_check: string }[];
  if (first?.quick_check !== 'ok') {
    throw new AppError('store.corrupt', `The gallery's database is damaged: ${first?.quick_check ?? 'no answer'}.`, {
      remedy: 'Your pictures are safe in their folder. Restore the database from its copy, or start with a new one.',
    });
  }
}
