/** Model packs for the page: an id, never a folder. */
import { z } from 'zod';
import {
  AS_FILE,
  componentFormatSchema,
  formatChoiceSchema,
  LOSSY_FORMATS,
  MAX_BUDGET_MIB,
  MIN_BUDGET_MIB,
  providerSchema,
  quantizedComponentSchema,
  weightFormatSchema,
} from './formats.js';
import { runSettingsSchema } from './generation-settings.js';
import { bytesSchema, idSchema } from './ids.js';
import { loraUseSchema, MAX_LORAS } from './lora.js';

export const packSummarySchema = z.object({
  id: idSchema,
  name: z.string(),
  licence: z.string(),
  /** `library`: downloaded by the app, in its own folder. `files`: made of files elsewhere. */
  source: z.enum(['bundled', 'folder', 'library', 'files']),
  /** Its authors' note on prompts; null without one. */
  note: z.string().nullable(),
  faceDetection: z.enum(['scrfd', 'centred']),
  modelVariants: z.array(z.string()),
  defaults: z.object({ width: z.number(), height: z.number(), steps: z.number(), guidance: z.number() }),
  limits: z.object({ minSize: z.number(), maxSize: z.number(), maxSteps: z.number() }),
  /** Whether it can make pictures. */
  complete: z.boolean(),
  /** Bytes on disk of all weights. */
  bytes: bytesSchema,
  /**
   * The stored form of components that are quantized in their files, such as `Q4_K`: formats other than the file's own
   * start from these numbers. Null for those in 16-bit or wider.
   */
  quantized: z.record(quantizedComponentSchema, z.string().nullable()),
  /** Why the pack cannot be used, in a sentence; null when it can. */
  problem: z.string().nullable(),
});
export type PackSummary = z.infer<typeof packSummarySchema>;

const packComponentSchema = z.object({
  component: z.string(),
  files: z.number().int(),
  tensors: z.number().int(),
  parameters: z.number(),
  bytes: bytesSchema,
  dtypes: z.array(z.string()),
  missing: z.array(z.string()),
  bytesPerFormat: z.partialRecord(z.union([weightFormatSchema, z.literal(AS_FILE)]), bytesSchema),
  quantized: z.string().nullable(),
});
export const packDetailSchema = packSummarySchema.extend({ components: z.array(packComponentSchema) });
export type PackDetail = z.infer<typeof packDetailSchema>;

export const weightErrorsInputSchema = z.strictObject({
  packId: idSchema,
  modelVariant: z.string().min(1).max(64),
  component: quantizedComponentSchema,
});
export type WeightErrorsInput = z.infer<typeof weightErrorsInputSchema>;

/** Relative error ‖e‖/‖w‖ by format; of outputs ‖e‖/‖output‖. */
const formatErrorsSchema = z.record(z.enum(LOSSY_FORMATS), z.number());
export const weightErrorsSchema = z.object({
  component: quantizedComponentSchema,
  /** In the network's order. */
  layers: z.array(z.object({ name: z.string(), weights: z.number().int(), errors: formatErrorsSchema })),
  overall: formatErrorsSchema,
});
export type WeightErrorMap = z.infer<typeof weightErrorsSchema>;

/** Errors of the outputs of a component's layers, on a run's own activations. */
export const outputErrorsInputSchema = z.strictObject({
  runId: idSchema,
  component: quantizedComponentSchema,
  /** Whether to measure if nothing is kept, which takes about as long as the picture. */
  measure: z.boolean(),
});
export type OutputErrorsInput = z.infer<typeof outputErrorsInputSchema>;

/** A mix of formats within a budget. */
export const mixInputSchema = z.strictObject({
  /** Gives the pack and LoRAs, and by `outputs` the measurement. */
  runId: idSchema,
  component: quantizedComponentSchema,
  by: z.enum(['weights', 'outputs']),
  /** Null: halfway between the smallest format and INT8. */
  budgetMiB: z.number().min(MIN_BUDGET_MIB).max(MAX_BUDGET_MIB).nullable(),
});
export type MixInput = z.infer<typeof mixInputSchema>;
export const formatMixSchema = z.object({
  component: quantizedComponentSchema,
  /** The component's format in a variant, such as `auto-3500`. */
  format: componentFormatSchema,
  /** In the network's order. */
  layers: z.array(z.object({ name: z.string(), format: weightFormatSchema })),
  /** Of the component in the mix, and in each uniform format. */
  bytes: bytesSchema,
  uniformBytes: z.record(weightFormatSchema, bytesSchema),
});
export type FormatMix = z.infer<typeof formatMixSchema>;

/** Output measurements by which a mix of these weights can be chosen. */
export const outputMeasurementsInputSchema = z.strictObject({
  packId: idSchema,
  modelVariant: z.string().min(1).max(64),
  component: quantizedComponentSchema,
  loras: z.array(loraUseSchema).max(MAX_LORAS),
});
export type OutputMeasurementsInput = z.infer<typeof outputMeasurementsInputSchema>;
export const outputMeasurementSchema = z.object({
  /** As in the name of a mix. */
  id: z.string(),
  /** The picture it was measured on. */
  about: z.object({ prompt: z.string(), seed: z.number().int(), formats: formatChoiceSchema }),
});
export type OutputMeasurement = z.infer<typeof outputMeasurementSchema>;

/** A memory estimate for all rows of the studio. */
export const estimateInputSchema = z.strictObject({
  packId: idSchema,
  provider: providerSchema,
  modelVariant: z.string().min(1).max(64),
  ...runSettingsSchema.pick({ width: true, height: true, decode: true, memoryLimit: true }).shape,
  variants: z.array(formatChoiceSchema).min(1).max(125),
});
export type EstimateInput = z.infer<typeof estimateInputSchema>;

export const ESTIMATE_PARTS = ['flux', 't5', 'infusenet', 'vae', 'clip', 'activations', 'runtime'] as const;

export const variantEstimateSchema = z.object({
  formats: formatChoiceSchema,
  /** Bytes by part, for the stacked bar. */
  parts: z.record(z.enum(ESTIMATE_PARTS), bytesSchema),
  /** Weights of the loaded denoiser. */
  loadBytes: bytesSchema,
  /** The highest of the stages, weights plus activations. */
  peakBytes: bytesSchema,
  /** Of the denoiser's weights, in every step; 0 where all are held. */
  streamedBytes: bytesSchema,
  /** `tight`: within a tenth of what is free. `too-big`: above it or the limit. `unknown`: free memory cannot be read. */
  fit: z.enum(['fits', 'tight', 'too-big', 'unknown']),

  /** The most precise variant that fits, where this one does not. */
  alternative: formatChoiceSchema.nullable(),
});
export type VariantEstimate = z.infer<typeof variantEstimateSchema>;

export const estimateSchema = z.object({
  freeBytes: bytesSchema.nullable(),
  freeSource: z.string().nullable(),
  /** The limit asked for, where the provider has one. */
  limitBytes: bytesSchema.nullable(),
  variants: z.array(variantEstimateSchema),
});
export type Estimate = z.infer<typeof estimateSchema>;
