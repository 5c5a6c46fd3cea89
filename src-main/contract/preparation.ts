/** Converting a pack's weights ahead of a run: what it will take, and the one that is on its way. */
import { z } from 'zod';
import { errorDtoSchema } from './error.js';
import { providerSchema, quantizedComponentSchema, WEIGHT_FORMATS, weightFormatSchema } from './formats.js';
import { bytesSchema, idSchema } from './ids.js';

export const conversionItemSchema = z.strictObject({ component: quantizedComponentSchema, format: weightFormatSchema });
export type ConversionItem = z.infer<typeof conversionItemSchema>;

/** Left free beside converted weights: pictures, the database and the system still need room. */
export const RESERVE_BYTES = 512 * 2 ** 20;

/** Every component in every format. */
const MAX_ITEMS = 3 * WEIGHT_FORMATS.length;

export const preparationInputSchema = z.strictObject({
  packId: idSchema,
  /** What it is converted for: formats differ with the dtype that a device computes in. */
  provider: providerSchema,
  modelVariant: z.string().min(1).max(64),
  items: z.array(conversionItemSchema).min(1).max(MAX_ITEMS),
});
export type PreparationInput = z.infer<typeof preparationInputSchema>;

export const preparationEstimateSchema = z.object({
  items: z.array(
    conversionItemSchema.extend({
      /** `in-place`: read from the pack as it is. `part`: an earlier conversion was not finished. */
      state: z.enum(['in-place', 'ready', 'part', 'missing']),
      /** On the disk when it is whole. */
      bytes: bytesSchema,
      bytesLeft: bytesSchema,
      secondsLeft: z.number().nonnegative(),
    }),
  ),
  bytesLeft: bytesSchema,
  secondsLeft: z.number().nonnegative(),
  /** On the disk of the converted weights. */
  freeBytes: bytesSchema,
  /** Whether the disk has room for what is left, and some over. */
  fits: z.boolean(),
});
export type PreparationEstimate = z.infer<typeof preparationEstimateSchema>;

/**
 * ```
 * running ──► paused ──► running
 *    ├──────► failed ──► running
 *    └──────► done
 * ```
 * Cancelling from any of them leaves none. What is finished stays in every case.
 */
export const preparationStateSchema = z.object({
  packId: idSchema,
  packName: z.string(),
  status: z.enum(['running', 'paused', 'failed', 'done']),
  items: z.array(conversionItemSchema.extend({ state: z.enum(['waiting', 'running', 'done']) })),
  /** 0 to 1 of all of it, by time. */
  fraction: z.number().min(0).max(1),
  secondsLeft: z.number().nonnegative().nullable(),
  /** Present exactly when the status is `failed`. */
  error: errorDtoSchema.nullable(),
});
export type PreparationState = z.infer<typeof preparationStateSchema>;

/** Whether converted weights fit a disk, and how much has to be freed when they do not; 0 when they fit. */
export function missingRoom(neededBytes: number, freeBytes: number): number {
  return neededBytes === 0 ? 0 : Math.max(0, neededBytes + RESERVE_BYTES - freeBytes);
}
