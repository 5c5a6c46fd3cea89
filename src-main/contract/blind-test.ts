/**
 * Blind tests of a comparison's pictures. The page gets letters; which pictures they are stays with the host, and the
 * outcome follows the last answer.
 */
import { z } from 'zod';
import { compareInputSchema } from './compare-data.js';
import { idSchema, timeMsSchema } from './ids.js';

/** `abx`: is X the same as A or as B? `2afc`: which of A and B fits the question better? */
export const blindKindSchema = z.enum(['abx', '2afc']);
export type BlindKind = z.infer<typeof blindKindSchema>;

/** Questions of a two-alternative choice: the end of "Which …?" and of "you said that it …". */
export const BLIND_QUESTIONS = [
  'looks more like the person',
  'follows the prompt more closely',
  'looks more natural',
] as const;
export const blindQuestionSchema = z.enum(BLIND_QUESTIONS);
export type BlindQuestion = z.infer<typeof blindQuestionSchema>;

/** Seven of seven right is the smallest result with p < 0.01. */
export const MIN_TRIALS = 7;
export const MAX_TRIALS = 100;

export const blindSlotSchema = z.enum(['a', 'b', 'x']);
export type BlindSlot = z.infer<typeof blindSlotSchema>;
export const blindAnswerSchema = z.enum(['a', 'b']);
export type BlindAnswer = z.infer<typeof blindAnswerSchema>;

export const blindStartSchema = compareInputSchema.extend({
  /** A picture of the variant to test against the reference. */
  candidateRunId: idSchema,
  kind: blindKindSchema,
  question: blindQuestionSchema,
  trials: z.number().int().min(MIN_TRIALS).max(MAX_TRIALS),
});
export type BlindStart = z.infer<typeof blindStartSchema>;

const blindResultSchema = z.object({
  hits: z.number().int(),
  pValue: z.number(),
  sentence: z.string(),
  /** By trial: X recognized, or the reference chosen. */
  outcomes: z.array(z.boolean()),
});

export const blindTestSchema = z.object({
  id: idSchema,
  kind: blindKindSchema,
  question: blindQuestionSchema,
  variantName: z.string(),
  trials: z.number().int(),
  answered: z.number().int(),
  createdAtMs: timeMsSchema,
  /** Present exactly when every trial is answered. */
  result: blindResultSchema.nullable(),
});
export type BlindTest = z.infer<typeof blindTestSchema>;
