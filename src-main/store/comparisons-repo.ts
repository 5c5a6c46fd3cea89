/** Comparisons and the queue they form. */
import { z } from 'zod';
import type { QueueEntry } from '../contract/comparison.js';
import { errorDtoSchema } from '../contract/error.js';
import { componentFormatSchema } from '../contract/formats.js';
import { runStatusSchema } from '../contract/run.js';
import type { Database } from './database.js';
import type { NewRun, RunsRepo } from './runs-repo.js';

export interface ComparisonHead {
  readonly id: string;
  readonly title: string;
  readonly createdAtMs: number;
  readonly referenceRunId: string | null;
}

const headRow = z.object({
  public_id: z.string(),
  title: z.string(),
  created_at_ms: z.number(),
  reference_run_id: z.string().nullable(),
});

const cellRow = z.object({
  comparison_public_id: z.string(),
  title: z.string(),
  public_id: z.string(),
  status: runStatusSchema,
  flux: componentFormatSchema,
  t5: componentFormatSchema,
  infusenet: componentFormatSchema,
  seed: z.number(),
  total_seconds: z.number().nullable(),
  error_json: z
    .string()
    .transform((text) => errorDtoSchema.pick({ code: true, message: true }).parse(JSON.parse(text)))
    .nullable(),
  retried: z.number(),
});

export class ComparisonsRepo {
  readonly #db: Database;
  readonly #runs: RunsRepo;

  constructor(db: Database, runs: RunsRepo) {
    this.#db = db;
    this.#runs = runs;
  }

  /** Adds a comparison at the queue's end with all its runs, all or nothing. */
  create(head: ComparisonHead, runs: readonly NewRun[]): void {
    this.#db.transaction(() => {
      const { lastId } = this.#db.run(
        `INSERT INTO comparisons (public_id, title, created_at_ms, reference_run_id, queue_position)
         VALUES (?, ?, ?, ?, (SELECT coalesce(max(queue_position), 0) + 1 FROM comparisons))`,
        [head.id, head.title, head.createdAtMs, head.referenceRunId],
      );
      for (const run of runs) this.#runs.insert(lastId, run, head.createdAtMs);
    });
  }

  /** Adds runs after a comparison's last, and moves it to the queue's end, all or nothing. */
  add(comparisonId: string, runs: readonly NewRun[], createdAtMs: number): void {
    this.#db.transaction(() => {
      const last = this.#db.get(
        `SELECT c.id, max(r.cell_index) AS cell_index, max(r.run_order) AS run_order
         FROM comparisons c JOIN runs r ON r.comparison_id = c.id WHERE c.public_id = ?`,
        [comparisonId],
      ) as { id: number; cell_index: number; run_order: number };
      for (const run of runs) {
        const cellIndex = last.cell_index + 1 + run.cellIndex;
        const runOrder = last.run_order + 1 + run.runOrder;
        this.#runs.insert(last.id, { ...run, cellIndex, runOrder }, createdAtMs);
      }
      this.enqueue(comparisonId);
    });
  }

  head(comparisonId: string): ComparisonHead | null {
    const row = this.#db.get(
      'SELECT public_id, title, created_at_ms, reference_run_id FROM comparisons WHERE public_id = ?',
      [comparisonId],
    );
    if (row === undefined) return null;
    const read = headRow.parse(row);
    return {
      id: read.public_id,
      title: read.title,
      createdAtMs: read.created_at_ms,
      referenceRunId: read.reference_run_id,
    };
  }

  rename(comparisonId: string, title: string): boolean {
    return this.#db.run('UPDATE comparisons SET title = ? WHERE public_id = ?', [title, comparisonId]).changes > 0;
  }

  setReference(comparisonId: string, runId: string): boolean {
    const { changes } = this.#db.run(
      `UPDATE comparisons SET reference_run_id = :runId
       WHERE public_id = :comparisonId
         AND EXISTS (SELECT 1 FROM runs r WHERE r.public_id = :runId AND r.comparison_id = comparisons.id)`,
      { comparisonId, runId },
    );
    return changes > 0;
  }

  /** Every comparison not dismissed, in the order of making. */
  queue(): QueueEntry[] {
    const rows = this.#db.all(
      `SELECT c.public_id AS comparison_public_id, c.title, r.public_id, r.status, v.flux, v.t5, v.infusenet, r.seed,
         r.total_seconds, r.error_json, r.retry_json IS NOT NULL AS retried
       FROM comparisons c JOIN runs r ON r.comparison_id = c.id JOIN variants v ON v.id = r.variant_id
       WHERE c.dismissed = 0 AND r.trashed_at_ms IS NULL
       ORDER BY c.queue_position, r.comparison_id, r.run_order`,
    );
    const entries: QueueEntry[] = [];
    for (const row of rows) {
      const cell = cellRow.parse(row);
      let entry = entries.at(-1);
      if (entry?.comparisonId !== cell.comparison_public_id) {
        entry = { comparisonId: cell.comparison_public_id, title: cell.title, cells: [] };
        entries.push(entry);
      }
      entry.cells.push({
        runId: cell.public_id,
        status: cell.status,
        formats: { flux: cell.flux, t5: cell.t5, infusenet: cell.infusenet },
        seed: cell.seed,
        totalSeconds: cell.total_seconds,
        error: cell.error_json,
        retried: cell.retried === 1,
      });
    }
    return entries;
  }

  /** Puts the named comparisons first, in this order; the others keep theirs. */
  reorder(comparisonIds: readonly string[]): void {
    this.#db.transaction(() => {
      const rows = this.#db.all(
        'SELECT public_id FROM comparisons WHERE dismissed = 0 ORDER BY queue_position, id',
      ) as {
        public_id: string;
      }[];
      const known = rows.map((row) => row.public_id);
      const named = [...new Set(comparisonIds)].filter((id) => known.includes(id));
      const order = [...named, ...known.filter((id) => !named.includes(id))];
      order.forEach((id, position) => {
        this.#db.run('UPDATE comparisons SET queue_position = ? WHERE public_id = ?', [position, id]);
      });
    });
  }

  /** Moves a comparison to the queue's end and shows it again if it was dismissed. */
  enqueue(comparisonId: string): void {
    this.#db.run(
      `UPDATE comparisons SET dismissed = 0,
         queue_position = (SELECT max(queue_position) + 1 FROM comparisons) WHERE public_id = ?`,
      [comparisonId],
    );
  }

  /** Hides a comparison from the queue; false while it has a queued or running run. */
  dismiss(comparisonId: string): boolean {
    const { changes } = this.#db.run(
      `UPDATE comparisons SET dismissed = 1 WHERE public_id = ? AND NOT EXISTS (
         SELECT 1 FROM runs r WHERE r.comparison_id = comparisons.id AND r.status IN ('queued', 'running'))`,
      [comparisonId],
    );
    return changes > 0;
  }

  dismissFinished(): void {
    this.#db.run(
      `UPDATE comparisons SET dismissed = 1 WHERE dismissed = 0 AND NOT EXISTS (
         SELECT 1 FROM runs r WHERE r.comparison_id = comparisons.id AND r.status <> 'done')`,
    );
  }

  /** The run to make next, or null. */
  nextQueued(): { readonly runId: string; readonly comparisonId: string } | null {
    const row = this.#db.get(
      `SELECT r.public_id, c.public_id AS comparison_public_id
       FROM runs r JOIN comparisons c ON c.id = r.comparison_id
       WHERE r.status = 'queued' ORDER BY c.queue_position, r.comparison_id, r.run_order LIMIT 1`,
    ) as { public_id: string; comparison_public_id: string } | undefined;
    return row === undefined ? null : { runId: row.public_id, comparisonId: row.comparison_public_id };
  }
}
