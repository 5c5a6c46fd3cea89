import type { Migration } from '../migrate.js';

/**
 * The tables. Other processes see public ids; integer keys stay inside. A run refers to its identity and pose by public
 * id without a foreign key, so that deleting a photo keeps the run and the fact that it had one.
 */
export const initial: Migration = {
  version: 10,
  up: (db) => {
    db.exec(`
      CREATE TABLE comparisons (
        id INTEGER PRIMARY KEY,
        public_id TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        reference_run_id TEXT,
        queue_position INTEGER NOT NULL,
        dismissed INTEGER NOT NULL DEFAULT 0 CHECK (dismissed IN (0, 1))
      ) STRICT;

      -- One row per combination of formats that was ever used (at most 125).
      CREATE TABLE variants (
        id INTEGER PRIMARY KEY,
        flux TEXT NOT NULL,
        t5 TEXT NOT NULL,
        infusenet TEXT NOT NULL,
        UNIQUE (flux, t5, infusenet)
      ) STRICT;

      CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        public_id TEXT NOT NULL UNIQUE,
        comparison_id INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
        variant_id INTEGER NOT NULL REFERENCES variants (id),
        cell_index INTEGER NOT NULL,
        run_order INTEGER NOT NULL,
        repeat_index INTEGER NOT NULL,
        status TEXT NOT NULL
          CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
        created_at_ms INTEGER NOT NULL,
        finished_at_ms INTEGER,
        pack_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        model_variant TEXT NOT NULL,
        identity_id TEXT,
        face_index INTEGER NOT NULL,
        pose_id TEXT,
        prompt TEXT NOT NULL,
        seed INTEGER NOT NULL,
        steps INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        guidance REAL NOT NULL,
        conditioning_scale REAL NOT NULL,
        start_fraction REAL NOT NULL,
        end_fraction REAL NOT NULL,
        loras_json TEXT NOT NULL,
        -- Null where the engine chooses.
        decode TEXT CHECK (decode IN ('whole', 'tiles')),
        -- Index for cuda and dml; null for the first, and for other providers.
        device_id INTEGER CHECK (device_id >= 0),
        stars INTEGER NOT NULL DEFAULT 0 CHECK (stars BETWEEN 0 AND 5),
        trashed_at_ms INTEGER,
        error_json TEXT,
        -- That the run was tried again because memory ran out, and where.
        retry_json TEXT,
        -- Why there is no identity score; null before the picture is made.
        identity_state TEXT CHECK (identity_state IN ('scored', 'no-face', 'no-face-network', 'no-identity')),
        -- Copies of figures in results and phase_measurements, for sorting and searching.
        identity_score REAL,
        peak_bytes INTEGER,
        load_bytes INTEGER,
        total_seconds REAL
      ) STRICT;

      CREATE TABLE results (
        run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        compute_dtype TEXT NOT NULL,
        pixel_hash TEXT NOT NULL,
        step_seconds_json TEXT NOT NULL,
        weight_hashes_json TEXT NOT NULL,
        keep_list_json TEXT NOT NULL,
        versions_json TEXT NOT NULL,
        preview_steps_json TEXT NOT NULL,
        decode_json TEXT NOT NULL,
        -- Null where the card did not spill.
        spill_json TEXT,
        -- Of every encoder: name, hash of its weights, whether it conditioned, cosine with the identity.
        face_scores_json TEXT NOT NULL,
        -- Null without an identity.
        second_encoder TEXT CHECK (second_encoder IN ('used', 'absent', 'same-file', 'no-photo')),
        -- Null until asked for.
        faces_json TEXT
      ) STRICT;

      CREATE TABLE phase_measurements (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        phase TEXT NOT NULL CHECK (phase IN ('text', 'load', 'denoise', 'decode')),
        seconds REAL NOT NULL,
        device_peak_bytes INTEGER,
        device_end_bytes INTEGER,
        host_peak_bytes INTEGER NOT NULL,
        host_end_bytes INTEGER NOT NULL,
        weight_bytes INTEGER NOT NULL,
        device_source TEXT,
        host_source TEXT NOT NULL,
        PRIMARY KEY (run_id, position)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE face_embeddings (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        -- Of the encoder's weights: embeddings by others cannot be compared.
        weight_hash TEXT NOT NULL,
        -- 512 float32, little-endian, unit length.
        embedding BLOB NOT NULL,
        PRIMARY KEY (run_id, weight_hash)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE tags (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL COLLATE NOCASE UNIQUE
      ) STRICT;

      CREATE TABLE run_tags (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
        PRIMARY KEY (run_id, tag_id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX run_tags_by_tag ON run_tags (tag_id, run_id);

      CREATE TABLE photos (
        id INTEGER PRIMARY KEY,
        public_id TEXT NOT NULL UNIQUE,
        role TEXT NOT NULL CHECK (role IN ('identity', 'pose')),
        name TEXT NOT NULL,
        source TEXT NOT NULL CHECK (source IN ('sample', 'import')),
        sha256 TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        UNIQUE (role, sha256)
      ) STRICT;

      CREATE TABLE photo_faces (
        photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
        pack_id TEXT NOT NULL,
        faces_json TEXT NOT NULL,
        PRIMARY KEY (photo_id, pack_id)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE packs (
        public_id TEXT PRIMARY KEY,
        folder TEXT NOT NULL UNIQUE,
        added_at_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE loras (
        public_id TEXT PRIMARY KEY,
        file TEXT NOT NULL,
        name TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        layers INTEGER NOT NULL,
        -- Of the contents when the file had been changed last at that moment.
        sha256 TEXT NOT NULL,
        changed_at_ms INTEGER NOT NULL,
        -- The app's own copy, which goes when the LoRA is forgotten.
        is_copy INTEGER NOT NULL CHECK (is_copy IN (0, 1)),
        added_at_ms INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE settings (
        key TEXT PRIMARY KEY,
        value_json TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;

      -- Files to delete: written with the row's removal, taken out once the files are gone. An import writes
      -- one first, so that a crash before its row leaves no photo behind.
      CREATE TABLE pending_deletions (
        kind TEXT NOT NULL CHECK (kind IN ('run', 'photo')),
        public_id TEXT NOT NULL,
        PRIMARY KEY (kind, public_id)
      ) STRICT, WITHOUT ROWID;

      -- Measured once and kept, since pictures never change.
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

      CREATE INDEX runs_by_comparison ON runs (comparison_id, cell_index);
      CREATE INDEX comparisons_by_queue ON comparisons (dismissed, queue_position);
      -- What the queue asks; small, because few runs are unfinished.
      CREATE INDEX runs_unfinished ON runs (status, comparison_id, run_order) WHERE status IN ('queued', 'running');

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
