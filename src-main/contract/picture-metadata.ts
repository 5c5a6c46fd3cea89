/** Settings read from a picture file: our own, or another tool's in A1111's form. */
import { z } from 'zod';
import { formatChoiceSchema } from './formats.js';
import { anySettingShape, type Setting } from './generation-settings.js';
import { idSchema } from './ids.js';

const nullableSettings = Object.fromEntries(
  Object.entries(anySettingShape).map(([name, schema]) => [name, schema.nullable()]),
) as { [S in Setting]: z.ZodNullable<(typeof anySettingShape)[S]> };

/** Every field may be missing, since other tools write files, too. */
export const readSettingsSchema = z.object({
  ...nullableSettings,
  negativePrompt: z.string().nullable(),
  provider: z.string().nullable(),
  packName: z.string().nullable(),
  formats: formatChoiceSchema.nullable(),
  /** Null when the file does not say. */
  loras: z
    .array(
      z.object({
        name: z.string(),
        weight: z.number(),
        /** Of the LoRA's file; null where the picture does not contain it. */
        sha256: z.string().nullable(),
        /** The known LoRA with the same contents; null without one. */
        loraId: idSchema.nullable(),
      }),
    )
    .nullable(),
});
export type ReadSettings = z.infer<typeof readSettingsSchema>;

export const pictureMetadataSchema = z.object({
  /** `likeness-lab`: our own chunk. `a1111`: the common text form only. */
  source: z.enum(['likeness-lab', 'a1111']),
  settings: readSettingsSchema,
  /** Everything else, for display. */
  facts: z.array(z.object({ label: z.string(), value: z.string() })),
  /** The raw A1111 text, when there is one. */
  parameters: z.string().nullable(),
  /** The run in this gallery that made the picture; null without one. */
  runId: idSchema.nullable(),
});
export type PictureMetadata = z.infer<typeof pictureMetadataSchema>;
