/** Opens the database and the picture folder together. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { diskError } from '../base/disk-error.js';
import { BlindTestsRepo } from './blind-tests-repo.js';
import { ComparisonsRepo } from './comparisons-repo.js';
import { keepDailyCopy, renewCopies } from './copies.js';
import { Database } from './database.js';
import { DeletionsRepo, type DeletionKind } from './deletions-repo.js';
import { DifferencesRepo } from './differences-repo.js';
import { GalleryRepo } from './gallery-repo.js';
import { isUnreleased, keepAside } from './keep-aside.js';
import { LorasRepo } from './loras-repo.js';
import { PacesRepo } from './paces-repo.js';
import { PacksRepo } from './packs-repo.js';
import { PhotosRepo } from './photos-repo.js';
import { PictureFolder } from './picture-folder.js';
import { RunsRepo } from './runs-repo.js';
import { SettingsRepo } from './settings-repo.js';
import { addSettingColumns } from './setting-columns.js';
import { isHeld } from '../disk/patience.js';
import { DATA_REMEDIES } from './store-error.js';

export interface Store {
  readonly db: Database;
  readonly runs: RunsRepo;
  readonly paces: PacesRepo;
  readonly comparisons: ComparisonsRepo;
  readonly gallery: GalleryRepo;
  readonly photos: PhotosRepo;
  readonly loras: LorasRepo;
  readonly packs: PacksRepo;
  readonly settings: SettingsRepo;
  readonly deletions: DeletionsRepo;
  readonly differences: DifferencesRepo;
  readonly blindTests: BlindTestsRepo;
  readonly files: PictureFolder;
  /** Why the day's copy of the database could not be made; null when it could. */
  readonly copyProblem: unknown;
  /** Makes deletions final in log, copies and free pages. @throws AppError disk.full, disk.failed, store.failed */
  scrub(): void;
}

export function databaseFile(dataDir: string): string {
  return join(dataDir, 'likeness-lab.db');
}

/** A failed copy does not keep the gallery from opening. */
function copyProblemOf(db: Database, file: string): unknown {
  try {
    keepDailyCopy(db, file, Date.now());
    return null;
  } catch (error) {
    return error;
  }
}

/**
 * Opens or creates the gallery in a folder. Runs that an earlier host left unfinished become `interrupted`, and files
 * that it was deleting or writing are deleted.
 * @throws AppError store.unreleased, once: the gallery is from before the first release and was kept aside;
 *   store.busy, store.corrupt, store.newer-schema, store.failed, disk.full, disk.failed
 */
export async function openStore(dataDir: string): Promise<Store> {
  try {
    mkdirSync(dataDir, { recursive: true });
  } catch (error) {
    throw diskError(error, 'make the data folder', DATA_REMEDIES);
  }
  const file = databaseFile(dataDir);
  const db = openDatabase(dataDir, file);
  try {
    addSettingColumns(db);
    const files = new PictureFolder(dataDir);
    const deletions = new DeletionsRepo(db);
    const runs = new RunsRepo(db);
    const store: Store = {
      db,
      runs,
      paces: new PacesRepo(db),
      comparisons: new ComparisonsRepo(db, runs),
      gallery: new GalleryRepo(db, deletions),
      photos: new PhotosRepo(db, deletions),
      loras: new LorasRepo(db),
      packs: new PacksRepo(db),
      settings: new SettingsRepo(db),
      deletions,
      differences: new DifferencesRepo(db),
      blindTests: new BlindTestsRepo(db),
      files,
      copyProblem: copyProblemOf(db, file),
      scrub() {
        db.truncateLog();
        renewCopies(db, file);
      },
    };
    await files.prepare();
    for (const runId of runs.interruptUnfinished()) await unlessHeld(() => files.removeRun(runId));
    await finishDeletions(store);
    await files.removeTemporary();
    return store;
  } catch (error) {
    db.close();
    throw error;
  }
}

function openDatabase(dataDir: string, file: string): Database {
  try {
    return Database.open(file);
  } catch (error) {
    throw isUnreleased(error) ? keepAside(dataDir, file, Date.now()) : error;
  }
}

/** Deletes the files of deleted rows; those of rows after one that fails, too. @throws the first failure */
export async function removeFiles(
  store: Pick<Store, 'deletions' | 'files'>,
  kind: DeletionKind,
  ids: readonly string[],
): Promise<void> {
  const failures: unknown[] = [];
  const done: string[] = [];
  for (const id of ids) {
    try {
      await (kind === 'run' ? store.files.removeRun(id) : store.files.removePhoto(id));
      done.push(id);
    } catch (error) {
      failures.push(error);
    }
  }
  store.deletions.done(kind, done);
  if (failures.length > 0) throw failures[0];
}

/** Only at start: a running import has files whose row is not written yet. */
async function finishDeletions(store: Pick<Store, 'deletions' | 'files'>): Promise<void> {
  for (const { kind, id } of store.deletions.list()) await unlessHeld(() => removeFiles(store, kind, [id]));
}

/** A file that a viewer has open does not keep the gallery from opening; a later start deletes it. */
async function unlessHeld(remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isHeld(error)) throw error;
  }
}
