/** What the app remembers. Every field has a default (`DEFAULT_APP_SETTINGS`). */
import { z } from 'zod';
import { providerSchema } from './formats.js';
import { comparisonDraftSchema } from './generation-settings.js';
import { idSchema } from './ids.js';
import { languageChoiceSchema } from './languages.js';

export const themeSchema = z.enum(['system', 'dark', 'light']);
export type Theme = z.infer<typeof themeSchema>;

export const appSettingsSchema = z.strictObject({
  theme: themeSchema,
  language: languageChoiceSchema,
  /** Null: the bundled pack. */
  packId: idSchema.nullable(),
  /** Null: the best one that the probe found. */
  provider: providerSchema.nullable(),
  /** Whether previews of every step are kept for the step scrubber. */
  keepPreviews: z.boolean(),
  /** Whether settings are written into pictures. */
  writeMetadata: z.boolean(),
  /** Thumbnail edge in CSS pixels. */
  thumbnailSize: z.number().int().min(80).max(512),
  /** The studio's form as last left. */
  draft: comparisonDraftSchema.nullable(),
});
export type AppSettings = z.infer<typeof appSettingsSchema>;

export const DEFAULT_APP_SETTINGS: AppSettings = {
  theme: 'dark',
  language: 'system',
  packId: null,
  provider: null,
  keepPreviews: true,
  writeMetadata: true,
  thumbnailSize: 180,
  draft: null,
};
