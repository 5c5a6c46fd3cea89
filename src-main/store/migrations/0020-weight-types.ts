/** The stored form of weights that are quantized in their files, by component, such as `{"flux": "Q4_K"}`. */
import type { Migration } from '../migrate.js';

export const weightTypes: Migration = {
  version: 20,
  up: (db) => db.exec(`ALTER TABLE results ADD COLUMN weight_types_json TEXT NOT NULL DEFAULT '{}';`),
};
