import type { Migration } from '../migrate.js';

/** The GPU that a picture was made on, where there is a choice. */
export const device: Migration = {
  version: 90,
  up: (db) => {
    db.exec(`
      -- Index for cuda and dml; null for the first, for other providers, and in rows from before.
      ALTER TABLE runs ADD COLUMN device_id INTEGER CHECK (device_id >= 0);
    `);
  },
};
