import type { Migration } from '../migrate.js';

/** How far a run left the path of its comparison's first variant, step by step; the latents themselves are not kept. */
export const drift: Migration = {
  version: 40,
  up: (db) => {
    db.exec(`
      CREATE TABLE trajectory_drifts (
        run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        base_run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        -- One number a step.
        drift_json TEXT NOT NULL
      ) STRICT;
      CREATE INDEX trajectory_drifts_by_base ON trajectory_drifts (base_run_id);
    `);
  },
};
