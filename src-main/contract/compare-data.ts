/** Measurements of pictures and variants: their difference from a reference, never "quality". */
import { z } from 'zod';
import { formatChoiceSchema } from './formats.js';
import { settingFieldSchema } from './generation-settings.js';
import { idSchema } from './ids.js';
import { MAX_CELLS } from './limits.js';
import { faceScoreSchema, phaseSchema, weightPlacesSchema } from './run.js';

/** Difference of the pixels of one region. */
const regionDifferenceSchema = z.object({
  pixels: z.number().int(),
  /** True when every pixel is equal. */
  identical: z.boolean(),
  /** Decibels over 8-bit sRGB; null when identical (infinite). */
  psnr: z.number().nullable(),
  /** Mean SSIM of luma, gaussian window 11, sigma 1.5, K 0.01 and 0.03; null where no window fits. */
  ssim: z.number().nullable(),
  /** Mean and largest absolute difference of a channel, 0 to 255. */
  meanAbsolute: z.number(),
  maxAbsolute: z.number(),
  /** Mean FLIP, 0 to 1. */
  flip: z.number(),
});

export const pictureDifferenceSchema = z.object({
  whole: regionDifferenceSchema,
  /** Inside and outside the face box of the picture compared with; null where no face is known. */
  face: regionDifferenceSchema.nullable(),
  surroundings: regionDifferenceSchema.nullable(),
});
export type PictureDifference = z.infer<typeof pictureDifferenceSchema>;

/**
 * `reference`: made with the reference's settings (but maybe another seed or prompt). `variant`: compared with the
 * reference's picture of the same seed and prompt. `repeat`: compared with the first picture of its own settings that
 * was decoded in the same way (whole or in tiles), or with none where it is that picture. `unpaired`: the reference has no picture of this seed and prompt, so it is compared with the reference run itself.
 */
export const compareRoleSchema = z.enum(['reference', 'variant', 'repeat', 'unpaired']);
export type CompareRole = z.infer<typeof compareRoleSchema>;

/** One encoder's score of a picture's face. */
const compareFaceSchema = faceScoreSchema.extend({
  /** Difference of the score from that of `baseRunId` by the same encoder; null where either is unknown. */
  delta: z.number().nullable(),
  /** Cosine with the face in the picture of `baseRunId`; null where either is unknown. */
  faceCosine: z.number().nullable(),
});

/** One picture; deltas are differences from `baseRunId`, null where either is unknown. */
export const compareRowSchema = z.object({
  runId: idSchema,
  role: compareRoleSchema,
  /** The run it is compared with; null for `reference`, and for a repeat without a base. */
  baseRunId: idSchema.nullable(),
  /** Null without a base, and when the sizes differ, with the sentence in `note`. */
  difference: pictureDifferenceSchema.nullable(),
  note: z.string().nullable(),
  /** Relative difference of the latents from the base's after each step; null where unknown. */
  drift: z.array(z.number()).nullable(),
  differingFields: z.array(settingFieldSchema),
  loadBytes: z.number().nullable(),
  loadDelta: z.number().nullable(),
  peakBytes: z.number().nullable(),
  peakDelta: z.number().nullable(),
  totalSeconds: z.number().nullable(),
  secondsDelta: z.number().nullable(),
  /** Median seconds of a denoising step, without the first. */
  stepSeconds: z.number().nullable(),
  /** By encoder, the conditioning one first. */
  faces: z.array(compareFaceSchema),
});
export type CompareRow = z.infer<typeof compareRowSchema>;

/** A mean over pairs, and half of its 95 % confidence interval; null for a single pair. */
export const uncertainSchema = z.object({
  count: z.number().int(),
  mean: z.number(),
  halfWidth: z.number().nullable(),
});
export type Uncertain = z.infer<typeof uncertainSchema>;

/** Figures of a variant's faces by one encoder. */
export const variantFaceSchema = faceScoreSchema.extend({
  identityScore: uncertainSchema.nullable(),
  identityDelta: uncertainSchema.nullable(),
  /** Cosine with the faces in the reference's pictures of the same seed. */
  faceCosine: uncertainSchema.nullable(),
});
export type VariantFace = z.infer<typeof variantFaceSchema>;

/** Medians of a phase over a variant's pictures; null where not measured, or where an earlier picture's result was used. */
export const phaseFiguresSchema = z.object({
  phase: phaseSchema.shape.phase,
  /** Highest memory: of the device where known, else of the host. */
  peakBytes: z.number().nullable(),
  seconds: z.number().nullable(),
});
export type PhaseFigures = z.infer<typeof phaseFiguresSchema>;

const identityChangeSchema = faceScoreSchema.pick({ encoder: true, conditioned: true }).extend({
  /** Identity score less the reference's at the same seed and prompt. */
  delta: uncertainSchema,
});

/** The conclusions about a variant as data; see `compare/statistics/verdict.ts`. */
const verdictSchema = z.object({
  peakDelta: z.number().nullable(),
  /** By each encoder that scored both pictures of a pair, conditioning ones first. */
  changes: z.array(identityChangeSchema).readonly(),
  /** Pictures without a score, where others have one. */
  unscored: z.number().int(),
  prompts: z.number().int(),
  /** The change of identity relative to the variation between seeds, by the independent encoder if there is one. */
  identity: z
    .object({ outcome: z.enum(['one-picture', 'higher', 'lower', 'within', 'none']), by: identityChangeSchema })
    .nullable(),
  /** Mean FLIP, relative to that of repeats; `none` for identical pictures. */
  difference: z
    .object({ flip: z.number(), standing: z.enum(['unknown', 'none', 'within', 'above']), floorHigh: z.number() })
    .nullable(),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** Summary of the pictures that differ only in seed and prompt; see `compare/report/variant-summary.ts`. */
export const compareVariantSchema = z.object({
  /** In English; see `variant-title.ts`. */
  name: z.string(),
  formats: formatChoiceSchema,
  isReference: z.boolean(),
  /** In the order of the pictures, repeats included. */
  runIds: z.array(idSchema),
  /** Medians over the pictures. */
  loadBytes: z.number().nullable(),
  peakBytes: z.number().nullable(),
  peakDelta: z.number().nullable(),
  totalSeconds: z.number().nullable(),
  stepSeconds: z.number().nullable(),
  phases: z.array(phaseFiguresSchema).readonly(),
  /** Medians of the denoiser's weights; null where the provider holds all. */
  weightPlaces: weightPlacesSchema.nullable(),
  /** Pictures identical to the reference's, of how many compared. */
  identical: z.number().int(),
  compared: z.number().int(),
  psnr: uncertainSchema.nullable(),
  ssim: uncertainSchema.nullable(),
  flip: uncertainSchema.nullable(),
  faceFlip: uncertainSchema.nullable(),
  surroundingsFlip: uncertainSchema.nullable(),
  /** By encoder, conditioning ones first. */
  faces: z.array(variantFaceSchema).readonly(),
  /** Smallest and largest FLIP between repeats of the same settings; null without repeats. */
  floor: z.object({ count: z.number().int(), low: z.number(), high: z.number() }).nullable(),
  /** Mean drift of the pictures by step; null where not measured. */
  drift: z.array(z.number()).nullable(),
  /** Null for the reference, and without a seed and prompt in common. */
  verdict: verdictSchema.nullable(),
});
export type CompareVariant = z.infer<typeof compareVariantSchema>;

export const compareTableSchema = z.object({
  referenceRunId: idSchema,
  /** In the order asked for. */
  rows: z.array(compareRowSchema),
  variants: z.array(compareVariantSchema),
  /** Sources of the memory figures, such as `nvidia-smi` or `VmHWM`. */
  memorySources: z.array(z.string()),
  /** Viewing distance of FLIP. */
  pixelsPerDegree: z.number(),
  /** Why face and surroundings are not measured separately; null when they are. */
  faceNote: z.string().nullable(),
});
export type CompareTable = z.infer<typeof compareTableSchema>;

export const REPORT_FORMATS = ['markdown', 'csv', 'html', 'contact-sheet'] as const;
export const reportFormatSchema = z.enum(REPORT_FORMATS);
export type ReportFormat = z.infer<typeof reportFormatSchema>;

export const compareInputSchema = z.strictObject({
  referenceRunId: idSchema,
  runIds: z.array(idSchema).min(1).max(MAX_CELLS),
});
export const reportInputSchema = compareInputSchema.extend({
  title: z.string().trim().min(1).max(120),
  format: reportFormatSchema,
});

/** A file to save: text, or a picture in base64. */
export const reportSchema = z.object({
  fileName: z.string(),
  mimeType: z.string(),
  encoding: z.enum(['utf8', 'base64']),
  content: z.string(),
});
export type Report = z.infer<typeof reportSchema>;
