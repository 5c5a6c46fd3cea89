/** What can be made smaller when memory ran out, with what each saves and costs. */
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
  /** Of its peak, by the estimate, and whether that fits what is free. */
  needsBytes: bytesSchema,
  fit: z.enum(['fits', 'tight', 'too-big', 'unknown']),
  /** Less than before in the stage that ran out; at the peak where the stage is not known. */
  savedBytes: bytesSchema,
  /** Length of the weights' error over length of the weights, where it changes. */
  weightErrors: z.array(
    z.object({
      component: quantizedComponentSchema,
      before: z.number(),
      after: z.number(),
      /** False: of normally distributed weights, since this pack's were not measured yet. */
      measured: z.boolean(),
    }),
  ),
  /** Of the whole run, by earlier ones; null where nothing like it was made. */
  seconds: z.number().nullable(),
  /** More than as it was; negative for less, null where one of the two is not known. */
  secondsMore: z.number().nullable(),
});
export type SmallerChoice = z.infer<typeof smallerChoiceSchema>;

export const smallerChoicesSchema = z.object({
  /** Where memory ran out; null where it is not known. */
  stage: stageSchema.nullable(),
  /** Of the run as it was, at its peak, by the estimate. */
  needsBytes: bytesSchema,
  freeBytes: bytesSchema.nullable(),
  /** The best first: what fits, then what changes the picture least. */
  choices: z.array(smallerChoiceSchema),
});
export type SmallerChoices = z.infer<typeof smallerChoicesSchema>;
