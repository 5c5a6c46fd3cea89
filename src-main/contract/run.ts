/**
 * A run: one picture being made or made; one cell of a comparison.
 *
 * ```
 *            ┌────────────── resume ──────────────┐
 *            ▼                                    │
 *         queued ──► running ──► done             │
 *            │          ├──────► failed ──────────┤
 *            │          ├──────► interrupted ─────┤  the app or the engine's host ended
 *            └──────────┴──────► cancelled ───────┘
 * ```
 */
import { z } from 'zod';
import { errorDtoSchema } from './error.js';
import { formatChoiceSchema, providerSchema } from './formats.js';
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

/** What a gallery tile and a row of the compare table need. */
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
  /** Cosine with the identity; null without a face network or a face. */
  identityScore: z.number().nullable(),
  /** Highest memory of any phase, and memory when the denoiser is loaded: device where known, else host. */
  peakBytes: bytesSchema.nullable(),
  loadBytes: bytesSchema.nullable(),
  totalSeconds: z.number().nullable(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

export const phaseSchema = z.object({
  phase: z.enum(['text', 'load', 'denoise', 'decode']),
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

/** What came with the picture. */
export const runResultSchema = z.object({
  phases: z.array(phaseSchema),
  stepSeconds: z.array(z.number()),
  computeDtype: z.enum(['f32', 'f16']),
  weightHashes: z.record(z.string(), z.string()),
  keepList: z.array(z.string()),
  versions: z.record(z.string(), z.string()),
  /** sha-256 of the pixels (width, height, RGB), hex: equal for equal pictures. */
  pixelHash: z.string(),
  /** Steps whose previews are kept, ascending and 1-based. */
  previewSteps: z.array(z.number().int()),
});
export type RunResult = z.infer<typeof runResultSchema>;

export const runDetailSchema = runSummarySchema.extend({
  settings: runSettingsSchema,
  /** Null when the identity was deleted or never there. */
  identityName: z.string().nullable(),
  finishedAtMs: timeMsSchema.nullable(),
  /** Present exactly when the status is `done`. */
  result: runResultSchema.nullable(),
  /** Present exactly when the status is `failed`. */
  error: errorDtoSchema.nullable(),
});
export type RunDetail = z.infer<typeof runDetailSchema>;
