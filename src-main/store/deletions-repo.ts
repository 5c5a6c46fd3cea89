/** Files still to be deleted, whose row is deleted already. */
import type { Database } from './database.js';

export type DeletionKind = 'run' | 'photo';

export class DeletionsRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(kind: DeletionKind, ids: readonly string[]): void {
    this.#db.run(
      `INSERT INTO pending_deletions (kind, public_id) SELECT ?, value FROM json_each(?) WHERE true
       ON CONFLICT DO NOTHING`,
      [kind, JSON.stringify(ids)],
    );
  }

  list(): { readonly kind: DeletionKind; readonly id: string }[] {
    const rows = this.#db.all('SELECT kind, public_id FROM pending_deletions');
    return (rows as { kind: DeletionKind; public_id: string }[]).map((row) => ({ kind: row.kind, id: row.public_id }));
  }

  /** Removes entries whose files are deleted. */
  done(kind: DeletionKind, ids: readonly string[]): void {
    this.#db.run('DELETE FROM pending_deletions WHERE kind = ? AND public_id IN (SELECT value FROM json_each(?))', [
      kind,
      JSON.stringify(ids),
    ]);
  }
}
