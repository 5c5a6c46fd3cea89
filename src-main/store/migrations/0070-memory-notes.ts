import type { Migration } from '../migrate.js';

/** How a picture was decoded, whether the card spilled, why there is no identity score; and how to decode when asked. */
export const memoryNotes: Migration = {
  version: 70,
  up: (db) => {
    db.exec(`
      -- Null in rows from before, and where the engine chooses.
      ALTER TABLE runs ADD COLUMN decode TEXT CHECK (decode IN ('whole', 'tiles'));
      ALTER TABLE runs ADD COLUMN identity_state TEXT
        CHECK (identity_state IN ('scored', 'no-face', 'no-face-network', 'no-identity'));
      ALTER TABLE results ADD COLUMN decode_json TEXT;
      ALTER TABLE results ADD COLUMN spill_json TEXT;
    `);
  },
};
