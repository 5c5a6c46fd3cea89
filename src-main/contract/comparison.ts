/** Comparisons (runs that share everything but formats, seed and prompt) and the queue that makes them. */
import { z } from 'zod';
import { errorDtoSchema } from './error.js';
import { formatChoiceSchema, stageSchema } from './formats.js';
import { idSchema, timeMsSchema } from './ids.js';
import { runDetailSchema, runStatusSchema } from './run.js';

/** `finished` when every run is done; `partial` when some are not and none is queued or running. */
export const comparisonStatusSchema = z.enum(['queued', 'running', 'finished', 'partial']);
export type ComparisonStatus = z.infer<typeof comparisonStatusSchema>;

export const comparisonSchema = z.object({
  id: idSchema,
  title: z.string(),
  createdAtMs: timeMsSchema,
  status: comparisonStatusSchema,
  /** The run that others are compared with; by default the first variant's. */
  referenceRunId: idSchema.nullable(),
  /** In the order of the studio's rows. */
  runs: z.array(runDetailSchema),
});
export type Comparison = z.infer<typeof comparisonSchema>;

export const queueCellSchema = z.object({
  runId: idSchema,
  status: runStatusSchema,
  formats: formatChoiceSchema,
  seed: z.number().int(),
  totalSeconds: z.number().nullable(),
  /** Code and sentence, when failed. */
  error: errorDtoSchema.pick({ code: true, message: true }).nullable(),
  /** Whether memory ran out and it was tried again. */
  retried: z.boolean(),
});
export type QueueCell = z.infer<typeof queueCellSchema>;

export const queueEntrySchema = z.object({
  comparisonId: idSchema,
  title: z.string(),
  /** In the order they run: cells that share weights are adjacent. */
  cells: z.array(queueCellSchema),
});
export type QueueEntry = z.infer<typeof queueEntrySchema>;

/** The queue. Finished entries stay until the next comparison starts or they are dismissed. */
export const queueStateSchema = z.object({
  /** When paused, the running cell is still finished. */
  paused: z.boolean(),
  /** Why it was paused, where no cell has that error, such as a full disk. */
  problem: errorDtoSchema.nullable(),
  entries: z.array(queueEntrySchema),
  runningRunId: idSchema.nullable(),
});
export type QueueState = z.infer<typeof queueStateSchema>;

/** Progress of the running cell; at most about ten per second. */
export const runProgressSchema = z.object({
  runId: idSchema,
  comparisonId: idSchema,
  stage: stageSchema,
  /** 0 to 1 within the stage. */
  fraction: z.number(),
  /** 1-based step while denoising, else null. */
  step: z.number().int().nullable(),
  steps: z.number().int().nullable(),
  message: z.string(),
  /** Whether it is the second try after memory ran out. */
  retrying: z.boolean(),
  /** The card's memory is full and steps are far slower than before. */
  spilled: z.boolean(),
  /** PNG data URL of the latest latent preview. */
  previewPng: z.string().nullable(),
  startedAtMs: timeMsSchema,
  /** Of this cell, and of the whole queue; null until something was measured. */
  secondsLeft: z.number().nullable(),
  queueSecondsLeft: z.number().nullable(),
});
export type RunProgress = z.infer<typeof runProgressSchema>;
