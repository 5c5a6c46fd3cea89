/**
 * Copies of the database beside it: one a day, made after the file passed its health check, and one before each
 * migration. They are offered when the file is damaged.
 */
import { copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import { removeFileSync, renameFileSync } from '../disk/patience.js';
import type { Database } from './database.js';
import { loadSqliteDriver } from './sqlite-driver.js';
import { DATA_REMEDIES } from './store-error.js';

/** Shorter than a day, so that someone who starts at nine each morning gets a copy each morning. */
const COPY_INTERVAL_MS = 20 * 3_600_000;

export interface DatabaseCopy {
  readonly file: string;
  readonly savedAtMs: number;
  /** Finished pictures in it. */
  readonly pictures: number;
}

const dailyPath = (file: string): string => `${file}.daily.bak`;

function copyFiles(file: string): string[] {
  const prefix = `${basename(file)}.`;
  return readdirSync(dirname(file))
    .filter((name) => name.startsWith(prefix) && name.endsWith('.bak'))
    .map((name) => join(dirname(file), name));
}

/**
 * Makes the day's copy if it is due, whole or not at all.
 * @throws AppError disk.full, disk.failed, store.failed; the previous copy stays
 */
export function keepDailyCopy(db: Database, file: string, nowMs: number): void {
  const target = dailyPath(file);
  const last = statSync(target, { throwIfNoEntry: false })?.mtimeMs;
  if (last !== undefined && nowMs - last < COPY_INTERVAL_MS) return;
  makeCopy(db, target);
}

/**
 * Replaces all copies by a new one, so that deleted data does not stay in them.
 * @throws AppError disk.full, disk.failed, store.failed; the old copies are then deleted already
 */
export function renewCopies(db: Database, file: string): void {
  for (const copy of copyFiles(file)) remove(copy);
  makeCopy(db, dailyPath(file));
}

function makeCopy(db: Database, target: string): void {
  const temporary = `${target}.tmp`;
  try {
    removeFileSync(temporary);
    db.run('VACUUM INTO ?', [temporary]);
    renameFileSync(temporary, target);
  } catch (error) {
    removeFileSync(temporary);
    throw diskError(error, 'keep a copy of the database', DATA_REMEDIES);
  }
}

function remove(file: string): void {
  try {
    removeFileSync(file);
  } catch (error) {
    throw diskError(error, 'delete an old copy of the database', DATA_REMEDIES);
  }
}

/** Undamaged copies, newest first. */
export function intactCopies(file: string): DatabaseCopy[] {
  return copyFiles(file)
    .flatMap((copy) => {
      const pictures = picturesIn(copy);
      return pictures === null ? [] : [{ file: copy, savedAtMs: Math.round(statSync(copy).mtimeMs), pictures }];
    })
    .sort((a, b) => b.savedAtMs - a.savedAtMs);
}

/** Finished pictures in a copy; null when the copy is damaged. */
function picturesIn(copy: string): number | null {
  const driver = loadSqliteDriver();
  let db: InstanceType<typeof driver> | undefined;
  try {
    db = new driver(copy, { readonly: true });
    const [health] = db.pragma('integrity_check(1)') as { integrity_check: string }[];
    if (health?.integrity_check !== 'ok') return null;
    return (db.prepare("SELECT count(*) AS n FROM runs WHERE status = 'done'").get() as { n: number }).n;
  } catch (error) {
    if (error instanceof Error && error.name === 'SqliteError') return null;
    throw error;
  } finally {
    db?.close();
  }
}

/**
 * Replaces a damaged database by a copy (null: by nothing) and keeps the damaged file beside it.
 * @returns the damaged file's new path
 * @throws AppError disk.full, disk.failed
 */
export function replaceDamaged(file: string, copy: DatabaseCopy | null, nowMs: number): string {
  const aside = `${file}.damaged-${nowMs}`;
  try {
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(file + suffix)) renameFileSync(file + suffix, aside + suffix);
    }
    if (copy !== null) copyFileSync(copy.file, file);
  } catch (error) {
    throw diskError(error, 'restore the database', DATA_REMEDIES);
  }
  return aside;
}

/** Whether to offer restoring a copy after this failure. */
export function isDamage(error: unknown): boolean {
  return error instanceof AppError && error.code === 'store.corrupt';
}
