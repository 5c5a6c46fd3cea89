/** Converting a pack's weights ahead of a run: its estimate and its state. */
import { z } from 'zod';
import { errorDtoSchema } from './error.js';
import { providerSchema, quantizedComponentSchema, WEIGHT_FORMATS, weightFormatSchema } from './formats.js';
import { bytesSchema, idSchema } from './ids.js';

export const conversionItemSchema = z.strictObject({ component: quantizedComponentSchema, format: weightFormatSchema });
export type ConversionItem = z.infer<typeof conversionItemSchema>;

/** Free space to leave for pictures, the database and the system. */
export const RESERVE_BYTES = 512 * 2 ** 20;

const MAX_ITEMS = 3 * WEIGHT_FORMATS.length;

export const preparationInputSchema = z.strictObject({
  packId: idSchema,
  /** Decides the compute dtype, on which the files depend. */
  provider: providerSchema,
  modelVariant: z.string().min(1).max(64),
  items: z.array(conversionItemSchema).min(1).max(MAX_ITEMS),
});
export type PreparationInput = z.infer<typeof preparationInputSchema>;

export const preparationEstimateSchema = z.object({
  items: z.array(
    conversionItemSchema.extend({
      /** `in-place`: read from the pack without conversion. `part`: partly converted. */
      state: z.enum(['in-place', 'ready', 'part', 'missing']),
      /** Of the finished file. */
      bytes: bytesSchema,
      bytesLeft: bytesSchema,
      secondsLeft: z.number().nonnegative(),
    }),
  ),
  bytesLeft: bytesSchema,
  secondsLeft: z.number().nonnegative(),
  /** On the disk of converted weights. */
  freeBytes: bytesSchema,
  /** Whether the disk has room for the rest and the reserve. */
  fits: z.boolean(),
});
export type PreparationEstimate = z.infer<typeof preparationEstimateSchema>;

/**
 * ```
 * running ──► paused ──► running
 *    ├──────► failed ──► running
 *    └──────► done
 * ```
 * Cancelling is possible in each state. Finished files always stay.
 */
export const preparationStateSchema = z.object({
  packId: idSchema,
  packName: z.string(),
  status: z.enum(['running', 'paused', 'failed', 'done']),
  items: z.array(conversionItemSchema.extend({ state: z.enum(['waiting', 'running', 'done']) })),
  /** 0 to 1 of all items, by time. */
  fraction: z.number().min(0).max(1),
  secondsLeft: z.number().nonnegative().nullable(),
  /** Present exactly when the status is `failed`. */
  error: errorDtoSchema.nullable(),
});
export type PreparationState = z.infer<typeof preparationStateSchema>;

/** Bytes to free so that converted weights fit the disk; 0 when they fit. */
export function missingRoom(neededBytes: number, freeBytes: number): number {
  return neededBytes === 0 ? 0 : Math.max(0, neededBytes + RESERVE_BYTES - freeBytes);
}
