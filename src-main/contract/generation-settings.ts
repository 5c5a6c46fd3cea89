/** The settings of a picture. A comparison shares everything but formats, seed and prompt. */
import { z } from 'zod';
import { SETTINGS, SETTING_NAMES, SHARED_SETTINGS, type NumberSetting, type Setting } from '../base/setting-table.js';
import { DECODE_MODES, QUANTIZED_COMPONENTS, type QuantizedComponent } from '../base/vocabulary.js';
import { deviceIdSchema, deviceName, formatChoiceSchema, providerSchema } from './formats.js';
import { idSchema } from './ids.js';
import { lorasText, loraUseSchema, MAX_LORAS } from './lora.js';
import { MAX_CELLS } from './limits.js';

export * from '../base/setting-table.js';

type SettingSchemas<S extends Setting> = { [Name in S]: Name extends NumberSetting ? z.ZodNumber : z.ZodString };

function schemaOf(name: Setting): z.ZodNumber | z.ZodString {
  const facts = SETTINGS[name];
  if (facts.kind === 'text') return z.string().trim().min(1).max(facts.max);
  const within = z.number().min(facts.min).max(facts.max);
  return facts.kind === 'integer' ? within.int().multipleOf(facts.step) : within;
}

function shapeOf<S extends Setting>(
  names: readonly S[],
  schema: (name: S) => z.ZodNumber | z.ZodString,
): SettingSchemas<S> {
  return Object.fromEntries(names.map((name) => [name, schema(name)])) as SettingSchemas<S>;
}

/** Schemas without limits, for rows and for files written by others. */
export const anySettingShape = shapeOf(SETTING_NAMES, (name) =>
  SETTINGS[name].kind === 'text' ? z.string().max(10_000) : z.number(),
);

/** A requested way of decoding. */
export const decodeChoiceSchema = z.enum(DECODE_MODES);
/** `auto`: the engine chooses. */
export type DecodeChoice = z.infer<typeof decodeChoiceSchema> | 'auto';

/** GiB; the least holds two blocks of NF4 and a step at full size. */
export const MEMORY_LIMIT = { min: 1, max: 256, step: 0.5 } as const;
const memoryLimitSchema = z.number().min(MEMORY_LIMIT.min).max(MEMORY_LIMIT.max);

/** The limit as requests to the engine have it. */
export function memoryLimitBytes({ memoryLimit }: { readonly memoryLimit?: number | undefined }): {
  readonly memoryLimitBytes?: number;
} {
  return memoryLimit === undefined ? {} : { memoryLimitBytes: memoryLimit * 2 ** 30 };
}

const sharedShape = {
  packId: idSchema,
  provider: providerSchema,
  /** Null runs FLUX without InfuseNet. */
  identityId: idSchema.nullable(),
  /** Index into the detected faces, largest first. */
  faceIndex: z.number().int().min(0).max(99),
  /** Photo whose landmarks give the pose; null gives the black control image. */
  poseId: idSchema.nullable(),
  ...shapeOf(SHARED_SETTINGS, schemaOf),
  /** Added to FLUX in this order before its weights are encoded. */
  loras: z.array(loraUseSchema).max(MAX_LORAS).default([]),
  /** How latents become pixels, with the same picture; absent: the engine chooses by free memory. */
  decode: decodeChoiceSchema.optional(),
  /** GiB of the card, where the provider streams weights that do not fit, with the same picture; absent: what is free. */
  memoryLimit: memoryLimitSchema.optional(),
};

/** Everything that decides one picture. */
export const runSettingsSchema = z.strictObject({
  ...sharedShape,
  ...shapeOf(['prompt', 'seed'], schemaOf),
  /** Index of the GPU for `cuda` and `dml`, from the app's settings; absent for 0, and for other providers. */
  deviceId: deviceIdSchema.optional(),
  formats: formatChoiceSchema,
});
export type RunSettings = z.infer<typeof runSettingsSchema>;

/** The studio's form: cells are variants × seeds × prompts × repeats, at most `MAX_CELLS`. */
export const comparisonDraftSchema = z
  .strictObject({
    ...sharedShape,
    prompts: z.array(runSettingsSchema.shape.prompt).min(1).max(50),
    seeds: z.array(runSettingsSchema.shape.seed).min(1).max(100),
    variants: z.array(formatChoiceSchema).min(1).max(125),
    /** Pictures per cell; 2 or more show the provider's noise. */
    repeats: z.number().int().min(1).max(5),
  })
  .refine((draft) => draft.start <= draft.end, { error: 'Start must not be after end.', path: ['start'] })
  .refine((draft) => draft.prompts.length * draft.seeds.length * draft.variants.length * draft.repeats <= MAX_CELLS, {
    error: `A comparison holds at most ${MAX_CELLS} pictures.`,
    path: ['variants'],
  });
export type ComparisonDraft = z.infer<typeof comparisonDraftSchema>;

/** A missing part of a run's settings. */
export const missingPartSchema = z.object({
  what: z.enum(['identity-photo', 'pose-photo', 'pack', 'lora']),
  /** Of a LoRA; else empty. */
  name: z.string(),
});
export type MissingPart = z.infer<typeof missingPartSchema>;

/** A setting in which two runs can differ; width and height are one. */
export type SettingField =
  | QuantizedComponent
  | Exclude<Setting, 'width' | 'height'>
  | 'size'
  | 'provider'
  | 'identity'
  | 'pose'
  | 'pack'
  | 'loras'
  | 'decode'
  | 'memoryLimit';
export const SETTING_FIELDS: readonly SettingField[] = [
  ...QUANTIZED_COMPONENTS,
  ...SETTING_NAMES.flatMap((name): SettingField[] => (name === 'width' ? ['size'] : name === 'height' ? [] : [name])),
  'provider',
  'identity',
  'pose',
  'pack',
  'loras',
  'decode',
  'memoryLimit',
];
export const settingFieldSchema = z.enum(SETTING_FIELDS);

/** The value of a field, for people and for comparing. */
export function settingValue(settings: RunSettings, field: SettingField): string | number {
  switch (field) {
    case 'flux':
    case 't5':
    case 'infusenet':
      return settings.formats[field];
    case 'size':
      return `${settings.width}×${settings.height}`;
    case 'identity':
      return settings.identityId === null ? 'none' : `${settings.identityId}#${settings.faceIndex}`;
    case 'pose':
      return settings.poseId ?? 'none';
    case 'pack':
      return settings.packId;
    case 'loras':
      return lorasText(settings.loras);
    case 'decode':
      return settings.decode ?? 'auto';
    case 'memoryLimit':
      return settings.memoryLimit ?? 'none';
    case 'provider':
      return deviceName(settings);
    default:
      return settings[field];
  }
}

/** The fields in which two runs differ. */
export function differingFields(a: RunSettings, b: RunSettings): SettingField[] {
  return SETTING_FIELDS.filter((field) => settingValue(a, field) !== settingValue(b, field));
}
