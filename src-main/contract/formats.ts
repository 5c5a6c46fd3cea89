/** Schemas of the vocabulary (`base/vocabulary.ts`): weight formats per component, providers, stages. */
import { z } from 'zod';
import { AUTO_FORMAT, type AutoFormat } from '../base/auto-format.js';
import {
  AS_FILE,
  PROVIDERS,
  QUANTIZED_COMPONENTS,
  STAGES,
  WEIGHT_FORMATS,
  type FormatChoice,
  type Provider,
  type QuantizedComponent,
} from '../base/vocabulary.js';

export * from '../base/vocabulary.js';

export const weightFormatSchema = z.enum(WEIGHT_FORMATS);
export const quantizedComponentSchema = z.enum(QUANTIZED_COMPONENTS);

/** A mix of formats within a memory budget, by name: see `base/auto-format.ts`. */
const autoFormatSchema = z.custom<AutoFormat>((value) => typeof value === 'string' && AUTO_FORMAT.test(value), {
  error: 'A mix is written as auto- and its MiB, such as auto-3500.',
});
/** One format for all linears of a component, a quantized file's own, or a mix. */
export const componentFormatSchema = z.union([weightFormatSchema, z.literal(AS_FILE), autoFormatSchema]);

export const formatChoiceSchema = z.strictObject({
  flux: componentFormatSchema,
  t5: componentFormatSchema,
  infusenet: componentFormatSchema,
} satisfies Readonly<Record<QuantizedComponent, unknown>>);

export const providerSchema = z.enum(PROVIDERS);

/** Largest index of a GPU; no computer has more. */
export const MAX_DEVICE_ID = 63;
export const deviceIdSchema = z.number().int().min(0).max(MAX_DEVICE_ID);

/** A device in CUDA's notation: `cpu`, `cuda`, `cuda:1`. */
export function deviceName({
  provider,
  deviceId = 0,
}: {
  readonly provider: Provider;
  readonly deviceId?: number | undefined;
}): string {
  return deviceId === 0 ? provider : `${provider}:${deviceId}`;
}

export const stageSchema = z.enum(STAGES);

/** A variant's formats as a key: `16-bit/int8/nf4` (FLUX/T5/InfuseNet). */
export function variantKey(formats: FormatChoice): string {
  return `${formats.flux}/${formats.t5}/${formats.infusenet}`;
}

export { formatName, variantDescription, variantName, type NameWords } from '../base/variant-name.js';
export { autoFormat, parseAutoFormat, MAX_BUDGET_MIB, MIN_BUDGET_MIB } from '../base/auto-format.js';
