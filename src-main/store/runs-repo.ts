/** Single runs: details, states from queued to done, and results. */
import type { ErrorDto } from '../base/app-error.js';
import type { FormatChoice, IdentityState } from '../contract/formats.js';
import type { RunSettings } from '../contract/generation-settings.js';
import type { DetectedFaces } from '../contract/photo.js';
import type { Phase, Retry, RunDetail, RunResult, RunStatus } from '../contract/run.js';
import type { Database } from './database.js';
import { settingColumns } from './setting-columns.js';
import { DETAIL_COLUMNS, DETAIL_FROM, parseDetail, parseFaces, parsePhase } from './run-row.js';

export interface NewRun {
  readonly id: string;
  /** Place in the studio's order. `runOrder`: in the order of making. */
  readonly cellIndex: number;
  readonly runOrder: number;
  readonly repeat: number;
  readonly settings: RunSettings;
}

export interface FinishedRun {
  readonly result: RunResult;
  readonly identityScore: number | null;
  readonly identityState: IdentityState;
  /** Embeddings of the picture's face, unit length [512]; kept as long as the identity photo. */
  readonly faceEmbeddings: readonly { readonly weightHash: string; readonly values: readonly number[] }[];
  readonly totalSeconds: number;
  readonly finishedAtMs: number;
}

/** Highest memory of any phase, and memory after loading: the device's where it was read, else the host's. */
function memoryFigures(phases: readonly Phase[]): { peakBytes: number | null; loadBytes: number | null } {
  const load = phases.find((phase) => phase.phase === 'load');
  const devicePeaks = phases.flatMap((phase) => (phase.devicePeakBytes === null ? [] : [phase.devicePeakBytes]));
  if (devicePeaks.length > 0) return { peakBytes: Math.max(...devicePeaks), loadBytes: load?.deviceEndBytes ?? null };
  if (phases.length === 0) return { peakBytes: null, loadBytes: null };
  return { peakBytes: Math.max(...phases.map((phase) => phase.hostPeakBytes)), loadBytes: load?.hostEndBytes ?? null };
}

export class RunsRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Adds a queued run to a comparison (by its integer key). */
  insert(comparisonKey: number, run: NewRun, createdAtMs: number): void {
    const s = run.settings;
    const values: readonly [column: string, value: string | number | null][] = [
      ['public_id', run.id],
      ['comparison_id', comparisonKey],
      ['variant_id', this.variantKey(s.formats)],
      ['cell_index', run.cellIndex],
      ['run_order', run.runOrder],
      ['repeat_index', run.repeat],
      ['status', 'queued'],
      ['created_at_ms', createdAtMs],
      ['pack_id', s.packId],
      ['provider', s.provider],
      ['identity_id', s.identityId],
      ['face_index', s.faceIndex],
      ['pose_id', s.poseId],
      ...settingColumns(s),
      ['loras_json', JSON.stringify(s.loras)],
      ['decode', s.decode ?? null],
      ['memory_limit', s.memoryLimit ?? null],
      ['device_id', s.deviceId ?? null],
    ];
    const columns = values.map(([column]) => column);
    this.#db.run(
      `INSERT INTO runs (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      values.map(([, value]) => value),
    );
  }

  get(runId: string): RunDetail | null {
    const row = this.#db.get(`SELECT ${DETAIL_COLUMNS} FROM ${DETAIL_FROM} WHERE r.public_id = ?`, [runId]);
    return row === undefined ? null : parseDetail(row, (key) => this.#phases(key));
  }

  /** A comparison's runs in the studio's order, without those in the trash. */
  ofComparison(comparisonId: string): RunDetail[] {
    return this.#db
      .all(
        `SELECT ${DETAIL_COLUMNS} FROM ${DETAIL_FROM}
         WHERE c.public_id = ? AND r.trashed_at_ms IS NULL ORDER BY r.cell_index`,
        [comparisonId],
      )
      .map((row) => parseDetail(row, (key) => this.#phases(key)));
  }

  status(runId: string): RunStatus | null {
    const row = this.#db.get('SELECT status FROM runs WHERE public_id = ?', [runId]) as
      { status: RunStatus } | undefined;
    return row?.status ?? null;
  }

  /** Settings of all queued runs, for estimating their time. */
  queuedSettings(): RunSettings[] {
    return this.#db
      .all(`SELECT ${DETAIL_COLUMNS} FROM ${DETAIL_FROM} WHERE r.status = 'queued'`)
      .map((row) => parseDetail(row, () => []).settings);
  }

  /** The newest finished run with this pixel hash; identifies a dropped picture. */
  byPixelHash(pixelHash: string): string | null {
    const row = this.#db.get(
      `SELECT r.public_id FROM results s JOIN runs r ON r.id = s.run_id WHERE s.pixel_hash = ? ORDER BY r.id DESC LIMIT 1`,
      [pixelHash],
    ) as { public_id: string } | undefined;
    return row?.public_id ?? null;
  }

  /** Moves a run from one of the given states; false when it was in none of them. A queued run starts from the beginning. */
  move(runId: string, from: readonly RunStatus[], to: RunStatus): boolean {
    const { changes } = this.#db.run(
      `UPDATE runs SET status = :to, error_json = NULL,
         retry_json = CASE WHEN :to = 'queued' THEN NULL ELSE retry_json END
       WHERE public_id = :runId AND status IN (SELECT value FROM json_each(:from))`,
      { to, runId, from: JSON.stringify(from) },
    );
    return changes > 0;
  }

  noteRetry(runId: string, retry: Retry): void {
    this.#db.run('UPDATE runs SET retry_json = ? WHERE public_id = ?', [JSON.stringify(retry), runId]);
  }

  fail(runId: string, error: ErrorDto, finishedAtMs: number): void {
    this.#db.run(`UPDATE runs SET status = 'failed', error_json = ?, finished_at_ms = ? WHERE public_id = ?`, [
      JSON.stringify(error),
      finishedAtMs,
      runId,
    ]);
  }

  /** Saves a result and marks the run done, all or nothing. The picture must be on disk already. */
  finish(runId: string, finished: FinishedRun): void {
    const { result } = finished;
    const { peakBytes, loadBytes } = memoryFigures(result.phases);
    this.#db.transaction(() => {
      const { id } = this.#db.get('SELECT id FROM runs WHERE public_id = ?', [runId]) as { id: number };
      this.#db.run(
        `UPDATE runs SET status = 'done', error_json = NULL, finished_at_ms = ?, identity_score = ?,
           identity_state = ?, peak_bytes = ?, load_bytes = ?, total_seconds = ? WHERE id = ?`,
        [
          finished.finishedAtMs,
          finished.identityScore,
          finished.identityState,
          peakBytes,
          loadBytes,
          finished.totalSeconds,
          id,
        ],
      );
      this.#db.run(
        `INSERT INTO results (run_id, compute_dtype, pixel_hash, step_seconds_json, weight_hashes_json, weight_types_json,
           keep_list_json, versions_json, preview_steps_json, decode_json, weight_places_json, spill_json, face_scores_json, second_encoder)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          id,
          result.computeDtype,
          result.pixelHash,
          JSON.stringify(result.stepSeconds),
          JSON.stringify(result.weightHashes),
          JSON.stringify(result.weightTypes),
          JSON.stringify(result.keepList),
          JSON.stringify(result.versions),
          JSON.stringify(result.previewSteps),
          JSON.stringify(result.decode),
          result.weightPlaces === null ? null : JSON.stringify(result.weightPlaces),
          result.spill === null ? null : JSON.stringify(result.spill),
          JSON.stringify(result.faceScores),
          result.secondEncoder,
        ],
      );
      for (const { weightHash, values } of finished.faceEmbeddings) {
        // None where the photo was deleted in the meantime.
        this.#db.run(
          `INSERT INTO face_embeddings (run_id, weight_hash, embedding)
           SELECT r.id, ?, ? FROM runs r JOIN photos p ON p.public_id = r.identity_id WHERE r.id = ?`,
          [weightHash, Buffer.from(Float32Array.from(values).buffer), id],
        );
      }
      result.phases.forEach((phase, position) => {
        this.#db.run(
          `INSERT INTO phase_measurements (run_id, position, phase, seconds, device_peak_bytes, device_end_bytes,
             host_peak_bytes, host_end_bytes, weight_bytes, device_source, host_source)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          [
            id,
            position,
            phase.phase,
            phase.seconds,
            phase.devicePeakBytes,
            phase.deviceEndBytes,
            phase.hostPeakBytes,
            phase.hostEndBytes,
            phase.weightBytes,
            phase.deviceSource,
            phase.hostSource,
          ],
        );
      });
    });
  }

  /** Embeddings of the finished picture's face [512], by the hash of the encoder's weights. */
  faceEmbeddings(runId: string): Map<string, Float32Array> {
    const rows = this.#db.all(
      `SELECT e.weight_hash, e.embedding FROM face_embeddings e JOIN runs r ON r.id = e.run_id WHERE r.public_id = ?`,
      [runId],
    ) as { weight_hash: string; embedding: Uint8Array }[];
    // Copied, since the driver's bytes may start at any offset.
    return new Map(rows.map(({ weight_hash, embedding }) => [weight_hash, new Float32Array(embedding.slice().buffer)]));
  }

  /** Faces detected in the finished picture; null before detection. */
  faces(runId: string): DetectedFaces | null {
    const row = this.#db.get(
      'SELECT s.faces_json FROM results s JOIN runs r ON r.id = s.run_id WHERE r.public_id = ?',
      [runId],
    ) as { faces_json: string | null } | undefined;
    return parseFaces(row?.faces_json);
  }

  saveFaces(runId: string, faces: DetectedFaces): void {
    this.#db.run('UPDATE results SET faces_json = ? WHERE run_id = (SELECT id FROM runs WHERE public_id = ?)', [
      JSON.stringify(faces),
      runId,
    ]);
  }

  /** Marks runs that an earlier host left unfinished; returns their ids. */
  interruptUnfinished(): string[] {
    const rows = this.#db.all(
      `UPDATE runs SET status = 'interrupted' WHERE status IN ('queued', 'running') RETURNING public_id`,
    ) as { public_id: string }[];
    return rows.map((row) => row.public_id);
  }

  /** Integer key of a combination of formats; inserted when new. */
  variantKey(formats: FormatChoice): number {
    const key = [formats.flux, formats.t5, formats.infusenet];
    this.#db.run('INSERT INTO variants (flux, t5, infusenet) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', key);
    const row = this.#db.get('SELECT id FROM variants WHERE flux = ? AND t5 = ? AND infusenet = ?', key);
    return (row as { id: number }).id;
  }

  #phases(runKey: number): Phase[] {
    return this.#db
      .all('SELECT * FROM phase_measurements WHERE run_id = ? ORDER BY position', [runKey])
      .map(parsePhase);
  }
}
