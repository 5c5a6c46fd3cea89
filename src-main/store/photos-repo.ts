/** Photos, and the faces detected in them. */
import { z } from 'zod';
import { photoRoleSchema, type DetectedFaces, type Photo, type PhotoRole } from '../contract/photo.js';
import type { Database } from './database.js';
import type { DeletionsRepo } from './deletions-repo.js';
import { parseFaces } from './run-row.js';

export interface NewPhoto {
  readonly id: string;
  readonly role: PhotoRole;
  readonly name: string;
  readonly source: Photo['source'];
  /** Of the bytes as given, hex. */
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
  readonly createdAtMs: number;
}

const photoRow = z.object({
  public_id: z.string(),
  role: photoRoleSchema,
  name: z.string(),
  source: z.enum(['sample', 'import']),
  width: z.number(),
  height: z.number(),
  created_at_ms: z.number(),
  run_count: z.number(),
});

const SELECT_PHOTO = `SELECT p.*,
  CASE p.role WHEN 'identity' THEN (SELECT count(*) FROM runs r WHERE r.identity_id = p.public_id)
    ELSE (SELECT count(*) FROM runs r WHERE r.pose_id = p.public_id) END AS run_count
  FROM photos p`;

function parsePhoto(row: unknown): Photo {
  const read = photoRow.parse(row);
  return {
    id: read.public_id,
    role: read.role,
    name: read.name,
    source: read.source,
    width: read.width,
    height: read.height,
    createdAtMs: read.created_at_ms,
    runCount: read.run_count,
  };
}

export class PhotosRepo {
  readonly #db: Database;
  readonly #deletions: DeletionsRepo;

  constructor(db: Database, deletions: DeletionsRepo) {
    this.#db = db;
    this.#deletions = deletions;
  }

  /** Announces files about to be written; until `insert`, a restart deletes them. */
  announce(photoId: string): void {
    this.#deletions.add('photo', [photoId]);
  }

  /** Adds the row of an announced photo whose files are on disk. */
  insert(photo: NewPhoto): void {
    this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO photos (public_id, role, name, source, sha256, width, height, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        [photo.id, photo.role, photo.name, photo.source, photo.sha256, photo.width, photo.height, photo.createdAtMs],
      );
      this.#deletions.done('photo', [photo.id]);
    });
  }

  /** Newest first. */
  list(role: PhotoRole): Photo[] {
    return this.#db
      .all(`${SELECT_PHOTO} WHERE p.role = ? ORDER BY p.created_at_ms DESC, p.id DESC`, [role])
      .map(parsePhoto);
  }

  get(photoId: string): Photo | null {
    const row = this.#db.get(`${SELECT_PHOTO} WHERE p.public_id = ?`, [photoId]);
    return row === undefined ? null : parsePhoto(row);
  }

  bySha256(role: PhotoRole, sha256: string): Photo | null {
    const row = this.#db.get(`${SELECT_PHOTO} WHERE p.role = ? AND p.sha256 = ?`, [role, sha256]);
    return row === undefined ? null : parsePhoto(row);
  }

  rename(photoId: string, name: string): boolean {
    return this.#db.run('UPDATE photos SET name = ? WHERE public_id = ?', [name, photoId]).changes > 0;
  }

  /** Deletes the row, its detections and the embeddings of faces in its pictures; its files are then pending. */
  delete(photoId: string): boolean {
    return this.#db.transaction(() => {
      this.#db.run('DELETE FROM face_embeddings WHERE run_id IN (SELECT id FROM runs WHERE identity_id = ?)', [
        photoId,
      ]);
      const found = this.#db.run('DELETE FROM photos WHERE public_id = ?', [photoId]).changes > 0;
      if (found) this.#deletions.add('photo', [photoId]);
      return found;
    });
  }

  faces(photoId: string, packId: string): DetectedFaces | null {
    const row = this.#db.get(
      `SELECT f.faces_json FROM photo_faces f JOIN photos p ON p.id = f.photo_id
       WHERE p.public_id = ? AND f.pack_id = ?`,
      [photoId, packId],
    ) as { faces_json: string } | undefined;
    return parseFaces(row?.faces_json);
  }

  saveFaces(photoId: string, packId: string, faces: DetectedFaces): void {
    this.#db.run(
      `INSERT INTO photo_faces (photo_id, pack_id, faces_json)
       SELECT id, ?, ? FROM photos WHERE public_id = ? ON CONFLICT DO UPDATE SET faces_json = excluded.faces_json`,
      [packId, JSON.stringify(faces), photoId],
    );
  }
}
