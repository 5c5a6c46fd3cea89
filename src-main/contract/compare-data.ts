/** What can be said about two pictures. Difference from a reference, never "quality". */
import { z } from 'zod';
import { settingFieldSchema } from './generation-settings.js';
import { idSchema } from './ids.js';

export const pictureDifferenceSchema = z.object({
  /** True when every pixel is equal. */
  identical: z.boolean(),
  /** Decibels over 8-bit sRGB; null when identical (infinite). */
  psnr: z.number().nullable(),
  /** Mean SSIM of luma, gaussian window 11, sigma 1.5, K 0.01 and 0.03. */
  ssim: z.number(),
  /** Mean and largest absolute difference of a channel, 0 to 255. */
  meanAbsolute: z.number(),
  maxAbsolute: z.number(),
  /** Difference of a channel that the heat map shows brightest. */
  heatScale: z.number(),
});
export type PictureDifference = z.infer<typeof pictureDifferenceSchema>;

/** One row of the table under the comparison; Δ is run less reference, null where either is unknown. */
export const compareRowSchema = z.object({
  runId: idSchema,
  /** Null when the sizes differ, with the sentence in `note`. */
  difference: pictureDifferenceSchema.nullable(),
  note: z.string().nullable(),
  differingFields: z.array(settingFieldSchema),
  loadBytes: z.number().nullable(),
  loadDelta: z.number().nullable(),
  peakBytes: z.number().nullable(),
  peakDelta: z.number().nullable(),
  totalSeconds: z.number().nullable(),
  secondsDelta: z.number().nullable(),
  /** Median seconds of a denoising step, the first left out. */
  stepSeconds: z.number().nullable(),
  identityScore: z.number().nullable(),
  identityDelta: z.number().nullable(),
});
export type CompareRow = z.infer<typeof compareRowSchema>;

export const compareTableSchema = z.object({
  referenceRunId: idSchema,
  rows: z.array(compareRowSchema),
  /** Where the memory figures come from, such as `nvidia-smi` or `VmHWM`. */
  memorySources: z.array(z.string()),
});
export type CompareTable = z.infer<typeof compareTableSchema>;

export const reportSchema = z.object({
  fileName: z.string(),
  mimeType: z.string(),
  text: z.string(),
});
export type Report = z.infer<typeof reportSchema>;
