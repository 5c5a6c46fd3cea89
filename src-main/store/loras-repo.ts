/** LoRA files that the person named. */
import type { Lora } from '../contract/lora.js';
import type { Database } from './database.js';

export interface LoraFile extends Lora {
  readonly file: string;
}

export class LorasRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** In the order they were added. */
  list(): LoraFile[] {
    return this.#db.all(
      'SELECT public_id AS id, file, name, bytes, layers FROM loras ORDER BY added_at_ms, public_id',
    ) as LoraFile[];
  }

  get(loraId: string): LoraFile | null {
    return this.list().find(({ id }) => id === loraId) ?? null;
  }

  /** Replaces what was known of the same file. */
  save(lora: LoraFile, addedAtMs: number): void {
    this.#db.run(
      `INSERT INTO loras (public_id, file, name, bytes, layers, added_at_ms) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (public_id) DO UPDATE SET name = excluded.name, bytes = excluded.bytes, layers = excluded.layers`,
      [lora.id, lora.file, lora.name, lora.bytes, lora.layers, addedAtMs],
    );
  }

  remove(loraId: string): boolean {
    return this.#db.run('DELETE FROM loras WHERE public_id = ?', [loraId]).changes > 0;
  }
}
