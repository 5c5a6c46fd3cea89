/** Settings as key and JSON value. Their meaning is the settings service's business. */
import type { Database } from './database.js';

export class SettingsRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** All stored values. A value that is not JSON counts as absent. */
  all(): Record<string, unknown> {
    const rows = this.#db.all('SELECT key, value_json FROM settings WHERE json_valid(value_json)');
    return Object.fromEntries(
      (rows as { key: string; value_json: string }[]).map((row) => [row.key, JSON.parse(row.value_json) as unknown]),
    );
  }

  /** Sets the given keys, all or nothing. */
  set(values: Readonly<Record<string, unknown>>): void {
    this.#db.transaction(() => {
      for (const [key, value] of Object.entries(values)) {
        this.#db.run(
          'INSERT INTO settings (key, value_json) VALUES (?, ?) ON CONFLICT DO UPDATE SET value_json = excluded.value_json',
          [key, JSON.stringify(value)],
        );
      }
    });
  }
}
