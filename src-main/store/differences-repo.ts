/** Differences of finished runs, measured once: of their pictures, and of the latents of older ones. */
import { z } from 'zod';
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

  /**
   * Relative difference of the latents after each step, measured when a run was made before paths were kept; null when
   * it was not measured against this run.
   */
  drift(baseRunId: string, runId: string): number[] | null {
    const row = this.#db.get(
      `SELECT d.drift_json FROM trajectory_drifts d JOIN runs b ON b.id = d.base_run_id JOIN runs r ON r.id = d.run_id
       WHERE b.public_id = ? AND r.public_id = ?`,
      [baseRunId, runId],
    ) as { drift_json: string } | undefined;
    return row === undefined ? null : z.array(z.number()).parse(JSON.parse(row.drift_json));
  }

  /** The finished run that this one's drift was measured against; null where there is none. */
  driftBase(runId: string): string | null {
    const row = this.#db.get(
      `SELECT b.public_id FROM trajectory_drifts d JOIN runs b ON b.id = d.base_run_id JOIN runs r ON r.id = d.run_id
       WHERE r.public_id = ? AND b.status = 'done' AND b.trashed_at_ms IS NULL`,
      [runId],
    ) as { public_id: string } | undefined;
    return row?.public_id ?? null;
  }

  /** Both runs must be there. */
  save(baseRunId: string, runId: string, difference: PictureDifference): void {
    this.#db.run(
      `INSERT INTO differences (base_run_id, run_id, difference_json) VALUES (${KEYS}, ?)
       ON CONFLICT DO UPDATE SET difference_json = excluded.difference_json`,
      [baseRunId, runId, JSON.stringify(difference)],
    );
  }
}
