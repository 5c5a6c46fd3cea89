/** What a picture is made from. One comparison shares everything but formats, seed and prompt. */
import { z } from 'zod';
import { DECODE_MODES } from '../base/vocabulary.js';
import { deviceIdSchema, deviceName, formatChoiceSchema, providerSchema } from './formats.js';
import { idSchema } from './ids.js';
import { lorasText, loraUseSchema, MAX_LORAS } from './lora.js';
import {
  MAX_CELLS,
  MAX_CONDITIONING_SCALE,
  MAX_GUIDANCE,
  MAX_PROMPT_LENGTH,
  MAX_SEED,
  MAX_SIZE,
  MAX_STEPS,
  MIN_SIZE,
  SIZE_STEP,
} from './limits.js';

/** Pixels. */
export const sizeSchema = z.number().int().min(MIN_SIZE).max(MAX_SIZE).multipleOf(SIZE_STEP);
const seedSchema = z.number().int().min(0).max(MAX_SEED);
const promptSchema = z.string().trim().min(1).max(MAX_PROMPT_LENGTH);

/** A way of decoding that is asked for. */
export const decodeChoiceSchema = z.enum(DECODE_MODES);

const sharedShape = {
  packId: idSchema,
  provider: providerSchema,
  /** InfuseNet variant folder of the pack, such as `aes_stage2`. */
  modelVariant: z.string().min(1).max(64),
  /** Null runs FLUX without InfuseNet. */
  identityId: idSchema.nullable(),
  /** Index into the detected faces, largest first. */
  faceIndex: z.number().int().min(0).max(99),
  /** Photo whose landmarks give the pose; null gives the black control image. */
  poseId: idSchema.nullable(),
  steps: z.number().int().min(1).max(MAX_STEPS),
  width: sizeSchema,
  height: sizeSchema,
  guidance: z.number().min(0).max(MAX_GUIDANCE),
  conditioningScale: z.number().min(0).max(MAX_CONDITIONING_SCALE),
  /** Fractions of the steps between which InfuseNet acts. */
  start: z.number().min(0).max(1),
  end: z.number().min(0).max(1),
  /** Added to FLUX in this order before its weights are encoded. */
  loras: z.array(loraUseSchema).max(MAX_LORAS).default([]),
  /** How latents become pixels; absent, the engine chooses by the memory that is free. The picture is the same. */
  decode: decodeChoiceSchema.optional(),
};

/** Everything that decides one picture. */
export const runSettingsSchema = z.strictObject({
  ...sharedShape,
  /** Index of the GPU for `cuda` and `dml`, from the app's settings; absent for 0, and for other providers. */
  deviceId: deviceIdSchema.optional(),
  prompt: promptSchema,
  seed: seedSchema,
  formats: formatChoiceSchema,
});
export type RunSettings = z.infer<typeof runSettingsSchema>;

/** The studio's form: cells are variants × seeds × prompts × repeats, at most `MAX_CELLS`. */
export const comparisonDraftSchema = z
  .strictObject({
    ...sharedShape,
    prompts: z.array(promptSchema).min(1).max(50),
    seeds: z.array(seedSchema).min(1).max(100),
    variants: z.array(formatChoiceSchema).min(1).max(125),
    /** How often each cell is made; 2 or more show the provider's own noise. */
    repeats: z.number().int().min(1).max(5),
  })
  .refine((draft) => draft.start <= draft.end, { error: 'Start must not be after end.', path: ['start'] })
  .refine((draft) => draft.prompts.length * draft.seeds.length * draft.variants.length * draft.repeats <= MAX_CELLS, {
    error: `A comparison holds at most ${MAX_CELLS} pictures.`,
    path: ['variants'],
  });
export type ComparisonDraft = z.infer<typeof comparisonDraftSchema>;

/** What a run was made with and is not there any more, so that its form cannot have it. */
export const missingPartSchema = z.object({
  what: z.enum(['identity-photo', 'pose-photo', 'pack', 'lora']),
  /** Of a LoRA; else empty. */
  name: z.string(),
});
export type MissingPart = z.infer<typeof missingPartSchema>;

/** Settings that can differ between two runs, as "identical except" and metadata diffs name them. */
export const SETTING_FIELDS = [
  'flux',
  't5',
  'infusenet',
  'seed',
  'prompt',
  'steps',
  'size',
  'guidance',
  'conditioningScale',
  'start',
  'end',
  'modelVariant',
  'provider',
  'identity',
  'pose',
  'pack',
  'loras',
] as const;
export const settingFieldSchema = z.enum(SETTING_FIELDS);
export type SettingField = z.infer<typeof settingFieldSchema>;

/** The value of one field for people and for comparing. */
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
    case 'seed':
    case 'prompt':
    case 'steps':
    case 'guidance':
    case 'conditioningScale':
    case 'start':
    case 'end':
    case 'modelVariant':
      return settings[field];
    case 'provider':
      return deviceName(settings);
  }
}

/** The fields in which two runs differ. */
export function differingFields(a: RunSettings, b: RunSettings): SettingField[] {
  return SETTING_FIELDS.filter((field) => settingValue(a, field) !== settingValue(b, field));
}
