/**
 * The events of the host. Each is a whole state; a new subscriber gets the current one first. `progress` comes at most
 * about ten times a second.
 */
import { z } from 'zod';
import { appSettingsSchema } from './app-settings.js';
import { cudaSetupSchema } from './cuda.js';
import { queueStateSchema, runProgressSchema } from './comparison.js';
import { cacheMoveStateSchema, downloadStateSchema, libraryStateSchema } from './library.js';
import { filesSearchSchema } from './own-files.js';
import { packSummarySchema } from './pack.js';
import { preparationStateSchema } from './preparation.js';
import { engineStateSchema } from './system-info.js';

export const EVENTS = {
  queue: queueStateSchema,
  /** Null while no cell is running. */
  progress: runProgressSchema.nullable(),
  engine: engineStateSchema,
  settings: appSettingsSchema,
  packs: z.array(packSummarySchema),
  library: libraryStateSchema,
  /** The search for a pack's parts; null without one. */
  files: filesSearchSchema.nullable(),
  /** Null without a download. */
  download: downloadStateSchema.nullable(),
  /** Null without a conversion ahead of a run. */
  preparation: preparationStateSchema.nullable(),
  /** Null where no earlier folder of converted weights has any. */
  cacheMove: cacheMoveStateSchema.nullable(),
  /** The set-up of CUDA's libraries; null without one. */
  cuda: cudaSetupSchema.nullable(),
  /** Changes whenever lists of runs are out of date. */
  gallery: z.object({ revision: z.number().int(), total: z.number().int(), trashed: z.number().int() }),
  /** Changes whenever `photos.list` is out of date. */
  photos: z.object({ revision: z.number().int() }),
} as const;

export type EventName = keyof typeof EVENTS;
export type EventValue<E extends EventName> = z.output<(typeof EVENTS)[E]>;

export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

/** One event on the wire. */
export type EventMessage = { [E in EventName]: { readonly event: E; readonly value: EventValue<E> } }[EventName];
