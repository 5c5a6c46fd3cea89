/** The limit of a run's memory on the card, in GiB, null for none, and where its weights were. */
import type { Migration } from '../migrate.js';

export const weightStreaming: Migration = {
  version: 30,
  up: (db) =>
    db.exec(`
      ALTER TABLE runs ADD COLUMN memory_limit REAL;
      ALTER TABLE results ADD COLUMN weight_places_json TEXT;
    `),
};
