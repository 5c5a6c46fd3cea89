/** Measured differences between finished runs' pictures. */
import { pictureDifferenceSchema, type PictureDifference } from '../contract/compare-data.js';
import type { Database } from './database.js';

const KEYS = `(SELECT id FROM runs WHERE public_id = ?), (SELECT id FROM runs WHERE public_id = ?)`;

export class DifferencesRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(baseRunId: string, runId: string): PictureDifference | null {
    const row = this.#db.get(
      `SELECT d.difference_json FROM differences d JOIN runs b ON b.id = d.base_run_id JOIN runs r ON r.id = d.run_id
       WHERE b.public_id = ? AND r.public_id = ?`,
      [baseRunId, runId],
    ) as { difference_json: string } | undefined;
    return row === undefined ? null : pictureDifferenceSchema.parse(JSON.parse(row.difference_json));
  }

  /** Both runs must exist. */
  save(baseRunId: string, runId: string, difference: PictureDifference): void {
    this.#db.run(
      `INSERT INTO differences (base_run_id, run_id, difference_json) VALUES (${KEYS}, ?)
       ON CONFLICT DO UPDATE SET difference_json = excluded.difference_json`,
      [baseRunId, runId, JSON.stringify(difference)],
    );
  }
}
