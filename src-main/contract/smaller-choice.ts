/** Smaller choices after memory ran out, with their savings and costs. */
import { z } from 'zod';
import { formatChoiceSchema, quantizedComponentSchema, stageSchema } from './formats.js';
import { runSettingsSchema } from './generation-settings.js';
import { bytesSchema } from './ids.js';

const { width, height } = runSettingsSchema.shape;

export const smallerChangeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('formats'), formats: formatChoiceSchema }),
  z.strictObject({ kind: z.literal('size'), width, height }),
  /** The same picture, decoded in tiles. */
  z.strictObject({ kind: z.literal('tiles') }),
]);
export type SmallerChange = z.infer<typeof smallerChangeSchema>;

export const smallerChoiceSchema = z.object({
  change: smallerChangeSchema,
  /** Estimated peak, and whether it fits the free memory. */
  needsBytes: bytesSchema,
  fit: z.enum(['fits', 'tight', 'too-big', 'unknown']),
  /** Saved in the stage that ran out; at the peak where the stage is unknown. */
  savedBytes: bytesSchema,
  /** Relative weight errors ‖e‖/‖w‖ that change. */
  weightErrors: z.array(
    z.object({
      component: quantizedComponentSchema,
      before: z.number(),
      after: z.number(),
      /** False: of normally distributed weights, where this pack's were not measured. */
      measured: z.boolean(),
    }),
  ),
  /** Of the whole run, by earlier ones; null without similar runs. */
  seconds: z.number().nullable(),
  /** Difference from the run as it was; null where either is unknown. */
  secondsMore: z.number().nullable(),
});
export type SmallerChoice = z.infer<typeof smallerChoiceSchema>;

export const smallerChoicesSchema = z.object({
  /** Where memory ran out; null where unknown. */
  stage: stageSchema.nullable(),
  /** Estimated peak of the run as it was. */
  needsBytes: bytesSchema,
  freeBytes: bytesSchema.nullable(),
  /** Those that fit first, then those that change the picture least. */
  choices: z.array(smallerChoiceSchema),
});
export type SmallerChoices = z.infer<typeof smallerChoicesSchema>;
