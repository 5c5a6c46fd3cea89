/** The vocabulary of a variant: weight formats per component, providers, stages. Mirrors the engine's protocol. */
import { z } from 'zod';
import { AUTO_FORMAT, type AutoFormat } from '../base/auto-format.js';

/** How a component's linear weights are held in memory. */
export const WEIGHT_FORMATS = ['16-bit', 'fp8', 'int8', 'int4', 'nf4'] as const;
export const weightFormatSchema = z.enum(WEIGHT_FORMATS);
export type WeightFormat = z.infer<typeof weightFormatSchema>;

/** The components whose format can be chosen. */
export const QUANTIZED_COMPONENTS = ['flux', 't5', 'infusenet'] as const;

export const quantizedComponentSchema = z.enum(QUANTIZED_COMPONENTS);
export type QuantizedComponent = z.infer<typeof quantizedComponentSchema>;

/** Formats that round weights. */
export const LOSSY_FORMATS = ['fp8', 'int8', 'int4', 'nf4'] as const satisfies readonly WeightFormat[];
export type LossyFormat = (typeof LOSSY_FORMATS)[number];

/** A mix of formats within a memory budget, by name: see `base/auto-format.ts`. */
const autoFormatSchema = z.custom<AutoFormat>((value) => typeof value === 'string' && AUTO_FORMAT.test(value), {
  error: 'A mix is written as auto- and its MiB, such as auto-3500.',
});
/** One format for all linears of a component, or a mix. */
export const componentFormatSchema = z.union([weightFormatSchema, autoFormatSchema]);
export type ComponentFormat = z.infer<typeof componentFormatSchema>;

export const formatChoiceSchema = z.strictObject({
  flux: componentFormatSchema,
  t5: componentFormatSchema,
  infusenet: componentFormatSchema,
});
export type FormatChoice = z.infer<typeof formatChoiceSchema>;

export const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'dml'] as const;
export const providerSchema = z.enum(PROVIDERS);
export type Provider = z.infer<typeof providerSchema>;

/** Providers whose GPU can be chosen. */
export const DEVICE_PROVIDERS: readonly Provider[] = ['cuda', 'dml'];
/** Index of a GPU: beyond what one computer has. */
export const MAX_DEVICE_ID = 63;
export const deviceIdSchema = z.number().int().min(0).max(MAX_DEVICE_ID);

/** Where something ran, as people who use CUDA write it: `cpu`, `cuda`, `cuda:1`. */
export function deviceName({
  provider,
  deviceId = 0,
}: {
  readonly provider: Provider;
  readonly deviceId?: number | undefined;
}): string {
  return deviceId === 0 ? provider : `${provider}:${deviceId}`;
}

export const STAGES = ['identify', 'encode-text', 'control', 'convert', 'load', 'denoise', 'decode'] as const;
export const stageSchema = z.enum(STAGES);
export type Stage = z.infer<typeof stageSchema>;

interface VariantPreset {
  readonly id: string;
  readonly variants: readonly FormatChoice[];
}

const everywhere = (format: WeightFormat): FormatChoice => ({ flux: format, t5: format, infusenet: format });

/** Sets of variants that the studio offers as one click each. */
export const VARIANT_PRESETS = [
  { id: 'full', variants: [everywhere('16-bit')] },
  // What upstream's --quantize_8bit does.
  { id: 'int8', variants: [everywhere('int8')] },
  // The recommendation of InfiniteYou's pull request 49.
  { id: 'int8-nf4', variants: [{ flux: 'int8', t5: 'int8', infusenet: 'nf4' }] },
  { id: 'smallest', variants: [everywhere('nf4')] },
  {
    id: 'infusenet-all',
    variants: WEIGHT_FORMATS.map((infusenet): FormatChoice => ({ flux: '16-bit', t5: '16-bit', infusenet })),
  },
] as const satisfies readonly VariantPreset[];

/** A variant as one stable word: `16-bit/int8/nf4` (FLUX/T5/InfuseNet). */
export function variantKey(formats: FormatChoice): string {
  return `${formats.flux}/${formats.t5}/${formats.infusenet}`;
}

/** A variant for people: `FLUX int8 · T5 int8 · InfuseNet nf4`. */
export function variantLabel(formats: FormatChoice): string {
  return `FLUX ${formats.flux} · T5 ${formats.t5} · InfuseNet ${formats.infusenet}`;
}

export { autoFormat, parseAutoFormat, MAX_BUDGET_MIB, MIN_BUDGET_MIB } from '../base/auto-format.js';
