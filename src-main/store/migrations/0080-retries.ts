import type { Migration } from '../migrate.js';

/** That a run was tried again because memory ran out, and where. */
export const retries: Migration = {
  version: 80,
  up: (db) => {
    // Null in rows from before, and where the first try was the only one.
    db.exec('ALTER TABLE runs ADD COLUMN retry_json TEXT');
  },
};
