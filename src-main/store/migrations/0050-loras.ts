import type { Migration } from '../migrate.js';

/** LoRA files that the person named, and which of them each run was made with. */
export const loras: Migration = {
  version: 50,
  up: (db) => {
    db.exec(`
      CREATE TABLE loras (
        public_id TEXT PRIMARY KEY,
        file TEXT NOT NULL,
        name TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        layers INTEGER NOT NULL,
        added_at_ms INTEGER NOT NULL
      ) STRICT;
      ALTER TABLE runs ADD COLUMN loras_json TEXT NOT NULL DEFAULT '[]';
    `);
  },
};
