/** The app's settings, each with a default (`DEFAULT_APP_SETTINGS`). */
import { z } from 'zod';
import { COMMON_FORMATS, deviceIdSchema, providerSchema, WEIGHT_FORMATS, weightFormatSchema } from './formats.js';
import { comparisonDraftSchema } from './generation-settings.js';
import { idSchema } from './ids.js';
import { languageChoiceSchema } from './languages.js';

export const themeSchema = z.enum(['system', 'dark', 'light']);
export type Theme = z.infer<typeof themeSchema>;

/** Hints over a finished comparison, in the order they are shown. */
export const HINTS = ['slider', 'difference', 'table'] as const;
export type Hint = (typeof HINTS)[number];

/** State of the guided comparison of the first start: offered, then running, then its hints. */
export const guideSchema = z.strictObject({
  /** Whether the studio offers it while the gallery is empty. */
  offered: z.boolean(),
  /** Its comparison, from the button until the pictures are seen. */
  comparisonId: idSchema.nullable(),
  /** Shown on the compare screen. */
  hint: z.enum(HINTS).nullable(),
});
export type Guide = z.infer<typeof guideSchema>;

export const appSettingsSchema = z.strictObject({
  theme: themeSchema,
  language: languageChoiceSchema,
  /** Null: the bundled pack. */
  packId: idSchema.nullable(),
  /** Null: the best available one. */
  provider: providerSchema.nullable(),
  /** Index of the GPU that `cuda` and `dml` run on. */
  deviceId: deviceIdSchema,
  /** Whether previews of every step are kept for the step scrubber. */
  keepPreviews: z.boolean(),
  /** Whether settings are written into pictures. */
  writeMetadata: z.boolean(),
  /** Thumbnail edge in CSS pixels. */
  thumbnailSize: z.number().int().min(80).max(512),
  /** Formats that every row of the studio shows; the others are in the list of all. */
  favouriteFormats: z.array(weightFormatSchema).max(WEIGHT_FORMATS.length),
  /** The studio's form as last left. */
  draft: comparisonDraftSchema.nullable(),
  guide: guideSchema,
});
export type AppSettings = z.infer<typeof appSettingsSchema>;

export const DEFAULT_APP_SETTINGS: AppSettings = {
  theme: 'dark',
  language: 'system',
  packId: null,
  provider: null,
  deviceId: 0,
  keepPreviews: true,
  writeMetadata: true,
  thumbnailSize: 180,
  favouriteFormats: [...COMMON_FORMATS],
  draft: null,
  guide: { offered: true, comparisonId: null, hint: null },
};
