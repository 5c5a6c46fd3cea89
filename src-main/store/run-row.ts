/** Rows of `runs` and its neighbours, parsed into the store's records. */
import { z } from 'zod';
import { errorDtoSchema } from '../contract/error.js';
import { deviceIdSchema, formatChoiceSchema, PHASES, providerSchema } from '../contract/formats.js';
import { runSettingsSchema, type RunSettings } from '../contract/generation-settings.js';
import { loraUseSchema } from '../contract/lora.js';
import {
  decodeReportSchema,
  faceScoreSchema,
  identityStateSchema,
  retrySchema,
  runStatusSchema,
  secondEncoderSchema,
  spillReportSchema,
  weightPlacesSchema,
  type Phase,
  type RunDetail,
  type RunResult,
  type RunSummary,
} from '../contract/run.js';
import { detectedFacesSchema, type DetectedFaces } from '../contract/photo.js';
import { SETTING_COLUMNS, settingsOfRow } from './setting-columns.js';

/** Columns of a summary, from `runs r JOIN variants v JOIN comparisons c`. */
export const SUMMARY_COLUMNS = `
  r.public_id, c.public_id AS comparison_public_id, r.status, r.created_at_ms, r.width, r.height,
  v.flux, v.t5, v.infusenet, r.provider, r.pack_id, r.model_variant, r.seed, r.steps,
  substr(r.prompt, 1, 200) AS prompt_start, r.repeat_index, r.stars, r.trashed_at_ms, r.identity_score, r.identity_state,
  r.peak_bytes, r.load_bytes, r.total_seconds,
  (SELECT json_group_array(t.name) FROM run_tags rt JOIN tags t ON t.id = rt.tag_id WHERE rt.run_id = r.id) AS tags_json`;

export const SUMMARY_FROM = `runs r JOIN variants v ON v.id = r.variant_id JOIN comparisons c ON c.id = r.comparison_id`;

/** Columns that `RunDetail` needs beyond the summary. */
export const DETAIL_COLUMNS = `${SUMMARY_COLUMNS},
  ${SETTING_COLUMNS.map((column) => `r.${column}`).join(', ')},
  r.id AS run_key, r.identity_id, r.face_index, r.pose_id, r.loras_json, r.decode, r.memory_limit, r.device_id, r.finished_at_ms, r.error_json, r.retry_json,
  (SELECT p.name FROM photos p WHERE p.public_id = r.identity_id) AS identity_name,
  s.compute_dtype, s.pixel_hash, s.step_seconds_json, s.weight_hashes_json, s.weight_types_json, s.keep_list_json, s.versions_json,
  s.preview_steps_json, s.decode_json, s.weight_places_json, s.spill_json, s.face_scores_json, s.second_encoder`;

export const DETAIL_FROM = `${SUMMARY_FROM} LEFT JOIN results s ON s.run_id = r.id`;

function json<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
}

const summaryRow = z.object({
  public_id: z.string(),
  comparison_public_id: z.string(),
  status: runStatusSchema,
  created_at_ms: z.number(),
  width: z.number(),
  height: z.number(),
  flux: formatChoiceSchema.shape.flux,
  t5: formatChoiceSchema.shape.t5,
  infusenet: formatChoiceSchema.shape.infusenet,
  provider: providerSchema,
  pack_id: z.string(),
  model_variant: z.string(),
  seed: z.number(),
  steps: z.number(),
  prompt_start: z.string(),
  repeat_index: z.number(),
  stars: z.number(),
  trashed_at_ms: z.number().nullable(),
  identity_score: z.number().nullable(),
  identity_state: identityStateSchema.nullable(),
  peak_bytes: z.number().nullable(),
  load_bytes: z.number().nullable(),
  total_seconds: z.number().nullable(),
  tags_json: json(z.array(z.string())),
});

const detailRow = summaryRow.extend({
  run_key: z.number(),
  identity_id: z.string().nullable(),
  face_index: z.number(),
  pose_id: z.string().nullable(),
  loras_json: json(z.array(loraUseSchema)),
  decode: runSettingsSchema.shape.decode.unwrap().nullable(),
  memory_limit: z.number().nullable(),
  device_id: deviceIdSchema.nullable(),
  finished_at_ms: z.number().nullable(),
  error_json: json(errorDtoSchema).nullable(),
  retry_json: json(retrySchema).nullable(),
  identity_name: z.string().nullable(),
  compute_dtype: z.enum(['f32', 'f16']).nullable(),
  pixel_hash: z.string().nullable(),
  step_seconds_json: json(z.array(z.number())).nullable(),
  weight_hashes_json: json(z.record(z.string(), z.string())).nullable(),
  weight_types_json: json(z.record(z.string(), z.string())).nullable(),
  keep_list_json: json(z.array(z.string())).nullable(),
  versions_json: json(z.record(z.string(), z.string())).nullable(),
  preview_steps_json: json(z.array(z.number())).nullable(),
  decode_json: json(decodeReportSchema).nullable(),
  weight_places_json: json(weightPlacesSchema).nullable(),
  spill_json: json(spillReportSchema).nullable(),
  face_scores_json: json(z.array(faceScoreSchema)).nullable(),
  second_encoder: secondEncoderSchema.nullable(),
});

const phaseRow = z.object({
  phase: z.enum(PHASES),
  seconds: z.number(),
  device_peak_bytes: z.number().nullable(),
  device_end_bytes: z.number().nullable(),
  host_peak_bytes: z.number(),
  host_end_bytes: z.number(),
  weight_bytes: z.number(),
  device_source: z.string().nullable(),
  host_source: z.string(),
});

type SummaryRow = z.output<typeof summaryRow>;

function toSummary(row: SummaryRow): RunSummary {
  return {
    id: row.public_id,
    comparisonId: row.comparison_public_id,
    status: row.status,
    createdAtMs: row.created_at_ms,
    width: row.width,
    height: row.height,
    formats: { flux: row.flux, t5: row.t5, infusenet: row.infusenet },
    provider: row.provider,
    packId: row.pack_id,
    modelVariant: row.model_variant,
    seed: row.seed,
    steps: row.steps,
    promptStart: row.prompt_start,
    repeat: row.repeat_index,
    stars: row.stars,
    tags: row.tags_json.sort((a, b) => a.localeCompare(b)),
    trashed: row.trashed_at_ms !== null,
    identityScore: row.identity_score,
    identityState: row.identity_state,
    peakBytes: row.peak_bytes,
    loadBytes: row.load_bytes,
    totalSeconds: row.total_seconds,
  };
}

/** A row of `SUMMARY_COLUMNS`. */
export function parseSummary(row: unknown): RunSummary {
  return toSummary(summaryRow.parse(row));
}

export function parsePhase(row: unknown): Phase {
  const read = phaseRow.parse(row);
  return {
    phase: read.phase,
    seconds: read.seconds,
    devicePeakBytes: read.device_peak_bytes,
    deviceEndBytes: read.device_end_bytes,
    hostPeakBytes: read.host_peak_bytes,
    hostEndBytes: read.host_end_bytes,
    weightBytes: read.weight_bytes,
    deviceSource: read.device_source,
    hostSource: read.host_source,
  };
}

/** A row of `DETAIL_COLUMNS`. @param phases reads the measurements of a run by its key */
export function parseDetail(row: unknown, phases: (runKey: number) => Phase[]): RunDetail {
  const read = detailRow.parse(row);
  const settings: RunSettings = {
    packId: read.pack_id,
    provider: read.provider,
    identityId: read.identity_id,
    faceIndex: read.face_index,
    poseId: read.pose_id,
    ...settingsOfRow(row),
    loras: read.loras_json,
    ...(read.decode === null ? {} : { decode: read.decode }),
    ...(read.memory_limit === null ? {} : { memoryLimit: read.memory_limit }),
    ...(read.device_id === null ? {} : { deviceId: read.device_id }),
    formats: { flux: read.flux, t5: read.t5, infusenet: read.infusenet },
  };
  const result: RunResult | null =
    read.pixel_hash === null || read.compute_dtype === null || read.decode_json === null
      ? null
      : {
          phases: phases(read.run_key),
          stepSeconds: read.step_seconds_json ?? [],
          computeDtype: read.compute_dtype,
          weightHashes: read.weight_hashes_json ?? {},
          weightTypes: read.weight_types_json ?? {},
          keepList: read.keep_list_json ?? [],
          versions: read.versions_json ?? {},
          pixelHash: read.pixel_hash,
          previewSteps: read.preview_steps_json ?? [],
          decode: read.decode_json,
          weightPlaces: read.weight_places_json,
          spill: read.spill_json,
          faceScores: read.face_scores_json ?? [],
          secondEncoder: read.second_encoder,
        };
  return {
    ...toSummary(read),
    settings,
    identityName: read.identity_name,
    finishedAtMs: read.finished_at_ms,
    result,
    error: read.error_json,
    retry: read.retry_json,
  };
}

export function parseFaces(text: unknown): DetectedFaces | null {
  return typeof text === 'string' ? detectedFacesSchema.parse(JSON.parse(text)) : null;
}
