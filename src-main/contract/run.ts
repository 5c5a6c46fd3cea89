/**
 * A run: one picture, one cell of a comparison.
 *
 * ```
 *            ┌────────────── resume ──────────────┐
 *            ▼                                    │
 *         queued ──► running ──► done             │
 *            │          ├──────► failed ──────────┤
 *            │          ├──────► interrupted ─────┤  the app ended
 *            └──────────┴──────► cancelled ───────┘
 * ```
 */
import { z } from 'zod';
import {
  DECODE_MODES,
  DECODE_REASONS,
  IDENTITY_STATES,
  MEMORY_SIGNS,
  PHASES,
  SECOND_ENCODER_STATES,
} from '../base/vocabulary.js';
import { errorDtoSchema } from './error.js';
import { formatChoiceSchema, providerSchema, stageSchema } from './formats.js';
import { runSettingsSchema } from './generation-settings.js';
import { bytesSchema, idSchema, timeMsSchema } from './ids.js';
import { MAX_STARS } from './limits.js';

export const RUN_STATUSES = ['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted'] as const;
export const runStatusSchema = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof runStatusSchema>;

export const starsSchema = z.number().int().min(0).max(MAX_STARS);
export const tagSchema = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(/^[^\s":<>=]+$/, { error: 'A tag is one word without quotes, colons or comparison signs.' });

export const identityStateSchema = z.enum(IDENTITY_STATES);

/** Score by one face encoder. That of the encoder which conditioned the picture is circular. */
export const faceScoreSchema = z.object({
  /** Such as `glintr100`. */
  encoder: z.string(),
  /** Hash of its weights; null where no face was found. */
  weightHash: z.string().nullable(),
  conditioned: z.boolean(),
  /** Cosine of the largest face with the identity; null without a face. */
  identityScore: z.number().nullable(),
});

export const secondEncoderSchema = z.enum(SECOND_ENCODER_STATES);

/** For gallery tiles and rows of the compare table. */
export const runSummarySchema = z.object({
  id: idSchema,
  comparisonId: idSchema,
  status: runStatusSchema,
  createdAtMs: timeMsSchema,
  width: z.number().int(),
  height: z.number().int(),
  formats: formatChoiceSchema,
  provider: providerSchema,
  packId: idSchema,
  modelVariant: z.string(),
  seed: z.number().int(),
  steps: z.number().int(),
  /** The prompt's first 200 characters. */
  promptStart: z.string(),
  /** 1-based; above 1 for repeats of the same cell. */
  repeat: z.number().int(),
  stars: starsSchema,
  tags: z.array(z.string()),
  trashed: z.boolean(),
  /** Cosine with the identity by the conditioning encoder; where null, `identityState` is the reason. */
  identityScore: z.number().nullable(),
  /** Null before the picture is made. */
  identityState: identityStateSchema.nullable(),
  /** Memory at the peak, and with the loaded denoiser: of the device where known, else of the host. */
  peakBytes: bytesSchema.nullable(),
  loadBytes: bytesSchema.nullable(),
  totalSeconds: z.number().nullable(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

export const phaseSchema = z.object({
  phase: z.enum(PHASES),
  seconds: z.number(),
  devicePeakBytes: bytesSchema.nullable(),
  deviceEndBytes: bytesSchema.nullable(),
  hostPeakBytes: bytesSchema,
  hostEndBytes: bytesSchema,
  weightBytes: bytesSchema,
  deviceSource: z.string().nullable(),
  hostSource: z.string(),
});
export type Phase = z.infer<typeof phaseSchema>;

/** How the latents were decoded: tiles take less memory and more time for the same picture. */
export const decodeReportSchema = z.object({
  mode: z.enum(DECODE_MODES),
  /** Most tiles of any layer; 1 for the whole. */
  tiles: z.number().int(),
  reason: z.enum(DECODE_REASONS),
  /** Estimate for the whole decode, and free memory before. */
  wholeBytes: bytesSchema,
  freeBytes: bytesSchema.nullable(),
});

/** Where the denoiser's weights were, in bytes. */
export const weightPlacesSchema = z.object({
  residentBytes: bytesSchema,
  /** Crossed the bus in each step. */
  streamedBytes: bytesSchema,
  /** Of the streamed ones, those read from their files in each step. */
  fromDiskBytes: bytesSchema,
});

/** The card moved data to the computer's memory: from this step on (1-based), steps took this long. */
export const spillReportSchema = z.object({
  fromStep: z.number().int(),
  stepSeconds: z.number(),
  usualSeconds: z.number(),
  usedBytes: bytesSchema,
  totalBytes: bytesSchema,
});

export const runResultSchema = z.object({
  phases: z.array(phaseSchema),
  stepSeconds: z.array(z.number()),
  computeDtype: z.enum(['f32', 'f16']),
  weightHashes: z.record(z.string(), z.string()),
  /** Stored form of components that are quantized in their files, such as `Q4_K`: all formats start from it. */
  weightTypes: z.record(z.string(), z.string()),
  keepList: z.array(z.string()),
  versions: z.record(z.string(), z.string()),
  /** sha-256 of the pixels (width, height, RGB), hex: equal for equal pictures. */
  pixelHash: z.string(),
  /** Steps whose previews are kept, ascending and 1-based. */
  previewSteps: z.array(z.number().int()),
  decode: decodeReportSchema,
  /** Null where the provider holds all weights. */
  weightPlaces: weightPlacesSchema.nullable(),
  /** Null where no spill was detected. */
  spill: spillReportSchema.nullable(),
  /** By encoder, the conditioning one first; empty when nothing was scored. */
  faceScores: z.array(faceScoreSchema),
  /** Null without an identity. */
  secondEncoder: secondEncoderSchema.nullable(),
});
export type WeightPlaces = z.infer<typeof weightPlacesSchema>;
export type RunResult = z.infer<typeof runResultSchema>;

const memorySignSchema = z.enum(MEMORY_SIGNS);

/** The first try ran out of memory; the engine was restarted and the run made again. */
export const retrySchema = z.object({
  sign: memorySignSchema,
  /** Null before the first stage. */
  stage: stageSchema.nullable(),
  /** The first failure's message. */
  message: z.string(),
  atMs: timeMsSchema,
});
export type Retry = z.infer<typeof retrySchema>;

export const runDetailSchema = runSummarySchema.extend({
  settings: runSettingsSchema,
  /** Null without an identity, or where it was deleted. */
  identityName: z.string().nullable(),
  finishedAtMs: timeMsSchema.nullable(),
  /** Present exactly when the status is `done`. */
  result: runResultSchema.nullable(),
  /** Present exactly when the status is `failed`. */
  error: errorDtoSchema.nullable(),
  /** Null when the first try was the only one. */
  retry: retrySchema.nullable(),
});
export type RunDetail = z.infer<typeof runDetailSchema>;
