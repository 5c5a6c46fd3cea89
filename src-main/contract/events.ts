/**
 * The event table: what the host tells. Every event is a whole state; a new subscriber gets the current one first.
 * `progress` comes at most about ten times a second.
 */
import { z } from 'zod';
import { appSettingsSchema } from './app-settings.js';
import { queueStateSchema, runProgressSchema } from './comparison.js';
import { downloadStateSchema, libraryStateSchema } from './library.js';
import { packSummarySchema } from './pack.js';
import { preparationStateSchema } from './preparation.js';
import { engineStateSchema } from './system-info.js';

export const EVENTS = {
  queue: queueStateSchema,
  /** The running cell; null when none is. */
  progress: runProgressSchema.nullable(),
  engine: engineStateSchema,
  settings: appSettingsSchema,
  packs: z.array(packSummarySchema),
  library: libraryStateSchema,
  /** The pack that is being downloaded; null when none is. */
  download: downloadStateSchema.nullable(),
  /** The conversion ahead of a run; null when none is. */
  preparation: preparationStateSchema.nullable(),
  /** Changes whenever a list that shows runs should be asked for again. */
  gallery: z.object({ revision: z.number().int(), total: z.number().int(), trashed: z.number().int() }),
  /** Changes whenever `photos.list` should be asked for again. */
  photos: z.object({ revision: z.number().int() }),
} as const;

export type EventName = keyof typeof EVENTS;
export type EventValue<E extends EventName> = z.output<(typeof EVENTS)[E]>;

export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

/** One event on the wire. */
export type EventMessage = { [E in EventName]: { readonly event: E; readonly value: EventValue<E> } }[EventName];
