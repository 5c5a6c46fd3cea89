/** Brings a database to the newest schema: append-only steps, numbered in tens, one transaction each. */
import { AppError } from '../base/app-error.js';
import { removeFileSync } from '../disk/patience.js';
import { invariant } from '../base/assert.js';
import type { SqliteDatabase } from './sqlite-driver.js';

export interface Migration {
  /** The `user_version` after this step: 10, 20, … */
  readonly version: number;
  readonly up: (db: SqliteDatabase) => void;
}

/** SQLite's application id of our files ("LkLb"). Galleries from before the first release have none. */
const APPLICATION_ID = 0x4c6b4c62;

function schemaVersion(db: SqliteDatabase): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** Path of the copy made before a migration. */
export function backupPath(file: string, version: number): string {
  return `${file}.v${version}.bak`;
}

/**
 * Runs the steps past the file's version, keeping a copy of a non-empty database first.
 * @throws AppError store.newer-schema when the file was written by a newer app, store.unreleased when by one that was
 *   never released
 */
export function migrate(db: SqliteDatabase, migrations: readonly Migration[], file: string): void {
  migrations.forEach((step, i) => {
    invariant(step.version === (i + 1) * 10, `migration ${i} has version ${step.version}, not ${(i + 1) * 10}`);
  });
  const from = schemaVersion(db);
  const newest = migrations.length * 10;
  if (from > 0 && db.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    throw new AppError('store.unreleased', `The gallery was made before the first release of Likeness Lab (${from}).`, {
      remedy: 'Open it with the version that made it, or start with another data folder.',
    });
  }
  if (from > newest) {
    throw new AppError(
      'store.newer-schema',
      `The gallery was written by a newer version of Likeness Lab (its schema is ${from}; this version knows up to ${newest}).`,
      { remedy: 'Install the newer version again, or start with another data folder.' },
    );
  }
  if (from > 0 && from < newest) keepCopy(db, backupPath(file, from));
  for (const step of migrations) {
    if (step.version <= from) continue;
    db.transaction(() => {
      step.up(db);
      const violations = db.pragma('foreign_key_check') as unknown[];
      invariant(violations.length === 0, `migration ${step.version} leaves ${violations.length} dangling references`);
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${step.version}`);
    }).immediate();
  }
}

function keepCopy(db: SqliteDatabase, target: string): void {
  removeFileSync(target);
  db.prepare('VACUUM INTO ?').run(target);
}
