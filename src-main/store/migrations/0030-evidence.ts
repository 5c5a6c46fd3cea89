import type { Migration } from '../migrate.js';

/** Differences measured once and kept, since pictures never change; blind tests with their hidden plan. */
export const evidence: Migration = {
  version: 30,
  up: (db) => {
    db.exec(`
      CREATE TABLE differences (
        base_run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        difference_json TEXT NOT NULL,
        PRIMARY KEY (base_run_id, run_id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX differences_by_run ON differences (run_id);

      CREATE TABLE blind_tests (
        id INTEGER PRIMARY KEY,
        public_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('abx', '2afc')),
        question TEXT NOT NULL,
        variant_name TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        -- Hidden order: an array of { pair, a, b, x }.
        plan_json TEXT NOT NULL,
        -- Letters in the order of the plan.
        answers_json TEXT NOT NULL
      ) STRICT;

      -- Runs by public id, without a foreign key: the result outlives the pictures.
      CREATE TABLE blind_pairs (
        test_id INTEGER NOT NULL REFERENCES blind_tests (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        reference_run_id TEXT NOT NULL,
        variant_run_id TEXT NOT NULL,
        PRIMARY KEY (test_id, position)
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
