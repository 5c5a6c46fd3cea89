import type { Migration } from '../migrate.js';

/** What each encoder says of a picture's face, and the faces' embeddings, by which pictures are compared. */
export const faceScores: Migration = {
  version: 100,
  up: (db) => {
    db.exec(`
      -- Of every encoder: name, hash of its weights, whether it conditioned, cosine with the identity.
      ALTER TABLE results ADD COLUMN face_scores_json TEXT NOT NULL DEFAULT '[]';
      -- Null without an identity, and in rows from before.
      ALTER TABLE results ADD COLUMN second_encoder TEXT
        CHECK (second_encoder IN ('used', 'absent', 'same-file', 'no-photo'));
      -- Before, one encoder scored: the one that conditioned. Its name was not kept.
      UPDATE results SET face_scores_json = (
        SELECT json_array(json_object(
          'encoder', NULL, 'weightHash', NULL, 'conditioned', json('true'), 'score', r.identity_score))
        FROM runs r WHERE r.id = results.run_id)
      WHERE run_id IN (SELECT id FROM runs WHERE identity_score IS NOT NULL);

      CREATE TABLE face_embeddings (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        -- Of the encoder's weights: embeddings by others cannot be compared.
        weight_hash TEXT NOT NULL,
        -- 512 float32, little-endian, unit length.
        embedding BLOB NOT NULL,
        PRIMARY KEY (run_id, weight_hash)
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
