/** Blind tests with their hidden order. */
import { z } from 'zod';
import {
  blindAnswerSchema,
  blindKindSchema,
  blindQuestionSchema,
  type BlindAnswer,
  type BlindKind,
  type BlindQuestion,
} from '../contract/blind-test.js';
import type { Database } from './database.js';

const sideSchema = z.enum(['reference', 'variant']);
const trialSchema = z.object({ pair: z.number().int(), a: sideSchema, b: sideSchema, x: sideSchema.nullable() });

export interface StoredPair {
  readonly referenceRunId: string;
  readonly variantRunId: string;
}

export interface StoredBlindTest {
  readonly id: string;
  readonly kind: BlindKind;
  readonly question: BlindQuestion;
  readonly variantName: string;
  readonly createdAtMs: number;
  readonly plan: readonly z.infer<typeof trialSchema>[];
  readonly answers: readonly BlindAnswer[];
  readonly pairs: readonly StoredPair[];
}

const rowSchema = z.object({
  id: z.number(),
  public_id: z.string(),
  kind: blindKindSchema,
  question: blindQuestionSchema,
  variant_name: z.string(),
  created_at_ms: z.number(),
  plan_json: z.string(),
  answers_json: z.string(),
});

export class BlindTestsRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  create(test: StoredBlindTest): void {
    this.#db.transaction(() => {
      const { lastId } = this.#db.run(
        `INSERT INTO blind_tests (public_id, kind, question, variant_name, created_at_ms, plan_json, answers_json)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        [
          test.id,
          test.kind,
          test.question,
          test.variantName,
          test.createdAtMs,
          JSON.stringify(test.plan),
          JSON.stringify(test.answers),
        ],
      );
      test.pairs.forEach((pair, position) => {
        this.#db.run(
          'INSERT INTO blind_pairs (test_id, position, reference_run_id, variant_run_id) VALUES (?, ?, ?, ?)',
          [lastId, position, pair.referenceRunId, pair.variantRunId],
        );
      });
    });
  }

  get(testId: string): StoredBlindTest | null {
    const row = this.#db.get('SELECT * FROM blind_tests WHERE public_id = ?', [testId]);
    return row === undefined ? null : this.#read(row);
  }

  /** Tests that show any of these runs, newest first. */
  ofRuns(runIds: readonly string[]): StoredBlindTest[] {
    return this.#db
      .all(
        `SELECT * FROM blind_tests WHERE id IN (
           SELECT test_id FROM blind_pairs WHERE variant_run_id IN (SELECT value FROM json_each(?)))
         ORDER BY id DESC`,
        [JSON.stringify(runIds)],
      )
      .map((row) => this.#read(row));
  }

  saveAnswers(testId: string, answers: readonly BlindAnswer[]): void {
    this.#db.run('UPDATE blind_tests SET answers_json = ? WHERE public_id = ?', [JSON.stringify(answers), testId]);
  }

  delete(testId: string): boolean {
    return this.#db.run('DELETE FROM blind_tests WHERE public_id = ?', [testId]).changes > 0;
  }

  #read(row: unknown): StoredBlindTest {
    const read = rowSchema.parse(row);
    const pairs = this.#db.all(
      'SELECT reference_run_id, variant_run_id FROM blind_pairs WHERE test_id = ? ORDER BY position',
      [read.id],
    ) as { reference_run_id: string; variant_run_id: string }[];
    return {
      id: read.public_id,
      kind: read.kind,
      question: read.question,
      variantName: read.variant_name,
      createdAtMs: read.created_at_ms,
      plan: z.array(trialSchema).parse(JSON.parse(read.plan_json)),
      answers: z.array(blindAnswerSchema).parse(JSON.parse(read.answers_json)),
      pairs: pairs.map((pair) => ({ referenceRunId: pair.reference_run_id, variantRunId: pair.variant_run_id })),
    };
  }
}
