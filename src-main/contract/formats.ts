/** The vocabulary of a variant: weight formats per component, providers, stages. Mirrors the engine's protocol. */
import { z } from 'zod';

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

export const formatChoiceSchema = z.strictObject({
  flux: weightFormatSchema,
  t5: weightFormatSchema,
  infusenet: weightFormatSchema,
});
export type FormatChoice = z.infer<typeof formatChoiceSchema>;

export const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'dml'] as const;
export const providerSchema = z.enum(PROVIDERS);
export type Provider = z.infer<typeof providerSchema>;

export const STAGES = ['identify', 'encode-text', 'control', 'convert', 'load', 'denoise', 'decode'] as const;
export const stageSchema = z.enum(STAGES);
export type Stage = z.infer<typeof stageSchema>;

interface VariantPreset {
  readonly id: string;
  readonly label: string;
  /** Why someone would pick it. */
  readonly hint: string;
  readonly variants: readonly FormatChoice[];
}

const everywhere = (format: WeightFormat): FormatChoice => ({ flux: format, t5: format, infusenet: format });

/** Sets of variants that the studio offers as one click each. */
export const VARIANT_PRESETS: readonly VariantPreset[] = [
  {
    id: 'full',
    label: 'Full 16-bit',
    hint: 'The reference: nothing is quantized.',
    variants: [everywhere('16-bit')],
  },
  {
    id: 'int8',
    label: '8-bit everywhere',
    hint: "What upstream's --quantize_8bit does: FLUX, T5 and InfuseNet in int8.",
    variants: [everywhere('int8')],
  },
  {
    id: 'int8-nf4',
    label: '8-bit + InfuseNet NF4',
    hint: 'FLUX and T5 in int8, InfuseNet in nf4: the recommendation of InfiniteYou PR #49.',
    variants: [{ flux: 'int8', t5: 'int8', infusenet: 'nf4' }],
  },
  { id: 'smallest', label: 'Smallest', hint: 'Everything in nf4.', variants: [everywhere('nf4')] },
  {
    id: 'infusenet-all',
    label: 'All five InfuseNet formats',
    hint: 'Only InfuseNet changes; FLUX and T5 stay as in the first row.',
    variants: WEIGHT_FORMATS.map((infusenet) => ({ flux: '16-bit', t5: '16-bit', infusenet })),
  },
];

/** A variant as one stable word: `16-bit/int8/nf4` (FLUX/T5/InfuseNet). */
export function variantKey(formats: FormatChoice): string {
  return `${formats.flux}/${formats.t5}/${formats.infusenet}`;
}

/** A variant for people: `FLUX int8 · T5 int8 · InfuseNet nf4`. */
export function variantLabel(formats: FormatChoice): string {
  return `FLUX ${formats.flux} · T5 ${formats.t5} · InfuseNet ${formats.infusenet}`;
}
