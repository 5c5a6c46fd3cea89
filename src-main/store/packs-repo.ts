/** Pack folders that the person added; the bundled pack is not among them. */
import type { Database } from './database.js';

export interface PackFolder {
  readonly id: string;
  readonly folder: string;
}

export class PacksRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** In the order they were added. */
  list(): PackFolder[] {
    const rows = this.#db.all('SELECT public_id, folder FROM packs ORDER BY added_at_ms, public_id');
    return (rows as { public_id: string; folder: string }[]).map((row) => ({ id: row.public_id, folder: row.folder }));
  }

  add(pack: PackFolder, addedAtMs: number): void {
    this.#db.run('INSERT INTO packs (public_id, folder, added_at_ms) VALUES (?, ?, ?)', [
      pack.id,
      pack.folder,
      addedAtMs,
    ]);
  }

  remove(packId: string): boolean {
    return this.#db.run('DELETE FROM packs WHERE public_id = ?', [packId]).changes > 0;
  }
}
