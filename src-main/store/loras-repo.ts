/** LoRA files that the person named. */
import type { Lora } from '../contract/lora.js';
import type { Database } from './database.js';

export interface LoraFile extends Lora {
  readonly file: string;
  /** Of the file's contents when last read. */
  readonly sha256: string;
  /** The file's modification time then. */
  readonly changedAtMs: number;
  /** Whether the file is the app's own copy. */
  readonly isCopy: boolean;
}

type Row = Omit<LoraFile, 'isCopy'> & { readonly isCopy: number };

export class LorasRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** In the order they were added. */
  list(): LoraFile[] {
    const rows = this.#db.all(
      `SELECT public_id AS id, file, name, bytes, layers, sha256, changed_at_ms AS changedAtMs, is_copy AS isCopy
       FROM loras ORDER BY added_at_ms, public_id`,
    ) as Row[];
    return rows.map((row) => ({ ...row, isCopy: row.isCopy === 1 }));
  }

  get(loraId: string): LoraFile | null {
    return this.list().find(({ id }) => id === loraId) ?? null;
  }

  /** Replaces the entry of the same file. */
  save(lora: LoraFile, addedAtMs: number): void {
    this.#db.run(
      `INSERT INTO loras (public_id, file, name, bytes, layers, sha256, changed_at_ms, is_copy, added_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (public_id) DO UPDATE SET name = excluded.name, bytes = excluded.bytes, layers = excluded.layers,
         sha256 = excluded.sha256, changed_at_ms = excluded.changed_at_ms, is_copy = excluded.is_copy`,
      [
        lora.id,
        lora.file,
        lora.name,
        lora.bytes,
        lora.layers,
        lora.sha256,
        lora.changedAtMs,
        lora.isCopy ? 1 : 0,
        addedAtMs,
      ],
    );
  }

  /** Updates hash, size and modification time. */
  saveHash(loraId: string, sha256: string, bytes: number, changedAtMs: number): void {
    this.#db.run('UPDATE loras SET sha256 = ?, bytes = ?, changed_at_ms = ? WHERE public_id = ?', [
      sha256,
      bytes,
      changedAtMs,
      loraId,
    ]);
  }

  remove(loraId: string): boolean {
    return this.#db.run('DELETE FROM loras WHERE public_id = ?', [loraId]).changes > 0;
  }
}
