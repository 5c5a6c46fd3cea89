/** Times of finished runs, for estimating similar ones. */
import { z } from 'zod';
import type { RunSettings } from '../contract/generation-settings.js';
import { decodeReportSchema } from '../contract/run.js';
import type { Database } from './database.js';

/** Times of one finished run, seconds. */
export interface Pace {
  readonly width: number;
  readonly height: number;
  readonly totalSeconds: number;
  readonly stepSeconds: readonly number[];
  readonly decodeMode: 'whole' | 'tiles';
  /** Null where it was not measured. */
  readonly decodeSeconds: number | null;
}

/** What determines the time of a run, besides the steps. */
export type PaceKey = Pick<
  RunSettings,
  'packId' | 'provider' | 'deviceId' | 'modelVariant' | 'formats' | 'identityId' | 'width' | 'height'
>;

/** Few, because drivers, the app and the computer's other work change. */
const NEWEST = 8;

const paceRow = z.object({
  width: z.number(),
  height: z.number(),
  total_seconds: z.number(),
  step_seconds_json: z.string().transform((text) => z.array(z.number()).parse(JSON.parse(text))),
  decode_json: z.string().transform((text) => decodeReportSchema.parse(JSON.parse(text)).mode),
  decode_seconds: z.number().nullable(),
});

export class PacesRepo {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * The newest finished runs of the same pack, provider, device, formats and networks, those of the same size first.
   * Excludes runs in which the card spilled, since those are slower.
   */
  like(key: PaceKey): Pace[] {
    return this.#db
      .all(
        `SELECT r.width, r.height, r.total_seconds, s.step_seconds_json, s.decode_json,
           (SELECT p.seconds FROM phase_measurements p WHERE p.run_id = r.id AND p.phase = 'decode') AS decode_seconds
         FROM runs r JOIN results s ON s.run_id = r.id JOIN variants v ON v.id = r.variant_id
         WHERE r.status = 'done' AND r.total_seconds IS NOT NULL AND s.spill_json IS NULL
           AND r.pack_id = :packId AND r.provider = :provider AND r.device_id IS :deviceId AND r.model_variant = :modelVariant
           AND v.flux = :flux AND v.t5 = :t5 AND v.infusenet = :infusenet
           AND (r.identity_id IS NULL) = :alone
         ORDER BY (r.width = :width AND r.height = :height) DESC, r.id DESC LIMIT ${NEWEST}`,
        {
          packId: key.packId,
          provider: key.provider,
          deviceId: key.deviceId ?? null,
          modelVariant: key.modelVariant,
          ...key.formats,
          alone: key.identityId === null ? 1 : 0,
          width: key.width,
          height: key.height,
        },
      )
      .map((row) => {
        const read = paceRow.parse(row);
        return {
          width: read.width,
          height: read.height,
          totalSeconds: read.total_seconds,
          stepSeconds: read.step_seconds_json,
          decodeMode: read.decode_json,
          decodeSeconds: read.decode_seconds,
        };
      });
  }
}
