import type { Migration } from '../migrate.js';

/** Full-text search on prompts, and the indexes behind the gallery's sorts and most selective fields. */
export const search: Migration = {
  version: 20,
  up: (db) => {
    db.exec(`
      -- External content: the prompts themselves stay in runs.
      CREATE VIRTUAL TABLE runs_fts USING fts5 (
        prompt,
        content = 'runs',
        content_rowid = 'id',
        tokenize = 'unicode61 remove_diacritics 2',
        prefix = '2 3'
      );
      CREATE TRIGGER runs_fts_insert AFTER INSERT ON runs BEGIN
        INSERT INTO runs_fts (rowid, prompt) VALUES (new.id, new.prompt);
      END;
      CREATE TRIGGER runs_fts_delete AFTER DELETE ON runs BEGIN
        INSERT INTO runs_fts (runs_fts, rowid, prompt) VALUES ('delete', old.id, old.prompt);
      END;
      CREATE TRIGGER runs_fts_update AFTER UPDATE OF prompt ON runs BEGIN
        INSERT INTO runs_fts (runs_fts, rowid, prompt) VALUES ('delete', old.id, old.prompt);
        INSERT INTO runs_fts (rowid, prompt) VALUES (new.id, new.prompt);
      END;
      INSERT INTO runs_fts (runs_fts) VALUES ('rebuild');

      -- The gallery shows finished runs that are not in the trash; each sort walks one of these. The last
      -- columns keep the walk inside the index when it skips to a window far down or stacks comparisons.
      CREATE INDEX gallery_by_time ON runs (created_at_ms, id, comparison_id, status, trashed_at_ms)
        WHERE status = 'done' AND trashed_at_ms IS NULL;
      CREATE INDEX gallery_by_stars ON runs (stars, created_at_ms, id, comparison_id, status, trashed_at_ms)
        WHERE status = 'done' AND trashed_at_ms IS NULL;
      CREATE INDEX gallery_by_identity ON runs (identity_score, id, comparison_id, status, trashed_at_ms)
        WHERE status = 'done' AND trashed_at_ms IS NULL;
      CREATE INDEX gallery_by_peak ON runs (peak_bytes, id, comparison_id, status, trashed_at_ms)
        WHERE status = 'done' AND trashed_at_ms IS NULL;
      CREATE INDEX gallery_by_seconds ON runs (total_seconds, id, comparison_id, status, trashed_at_ms)
        WHERE status = 'done' AND trashed_at_ms IS NULL;
      CREATE INDEX gallery_by_seed ON runs (seed, id, comparison_id, status, trashed_at_ms)
        WHERE status = 'done' AND trashed_at_ms IS NULL;
      CREATE INDEX runs_trashed ON runs (trashed_at_ms, id) WHERE trashed_at_ms IS NOT NULL;
      CREATE INDEX runs_by_identity ON runs (identity_id) WHERE identity_id IS NOT NULL;
      CREATE INDEX runs_by_pose ON runs (pose_id) WHERE pose_id IS NOT NULL;
      CREATE INDEX runs_by_variant ON runs (variant_id);
      -- Finds a dropped picture again.
      CREATE INDEX results_by_pixels ON results (pixel_hash);
    `);
  },
};
