import type { Migration } from '../migrate.js';

/**
 * What a LoRA file holds, by its hash, so that a picture's LoRAs are found again by content; and whether the file is
 * the app's own copy, which goes when the LoRA is forgotten. Files of before are hashed when that is first asked for.
 */
export const loraFiles: Migration = {
  version: 60,
  up: (db) => {
    db.exec(`
      ALTER TABLE loras ADD COLUMN sha256 TEXT;
      ALTER TABLE loras ADD COLUMN changed_at_ms INTEGER;
      ALTER TABLE loras ADD COLUMN is_copy INTEGER NOT NULL DEFAULT 0;
    `);
  },
};
