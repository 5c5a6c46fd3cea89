/** A variant among others of a comparison: its name, and what else is set in another way than in the reference. */
import { variantName, type NameWords } from '../base/variant-name.js';
import { QUANTIZED_COMPONENTS } from '../base/vocabulary.js';
import { differingFields, SETTINGS, settingValue, type RunSettings, type SettingField } from './generation-settings.js';

/** What a variant leaves open: its pictures are samples of it. */
export const SAMPLED_FIELDS: ReadonlySet<SettingField> = new Set(['seed', 'prompt']);
const IN_THE_NAME: ReadonlySet<SettingField> = new Set(QUANTIZED_COMPONENTS);
/** Values that are ids say nothing to a person. */
const OPAQUE: ReadonlySet<SettingField> = new Set(['identity', 'pose', 'pack']);

export interface TitleWords {
  /** Default: English. */
  readonly names?: NameWords;
  readonly field: (field: SettingField) => string;
  /** For a value that says nothing: `other pose`. */
  readonly other: (field: string) => string;
  readonly list: (parts: readonly string[]) => string;
}

const NAMES: Readonly<Record<string, { readonly name: string }>> = { ...SETTINGS, loras: { name: 'LoRAs' } };
const ENGLISH: TitleWords = {
  field: (field) => NAMES[field]?.name ?? field,
  other: (field) => `other ${field}`,
  list: (parts) => parts.join(', '),
};

/** `INT8 + InfuseNet NF4`, `All 16-bit, steps 20`. */
export function variantTitle(settings: RunSettings, reference: RunSettings, words = ENGLISH): string {
  const others = differingFields(settings, reference)
    .filter((field) => !SAMPLED_FIELDS.has(field) && !IN_THE_NAME.has(field))
    .map((field) => {
      const name = words.field(field);
      return OPAQUE.has(field) ? words.other(name) : `${name} ${settingValue(settings, field)}`;
    });
  return words.list([variantName(settings.formats, words.names), ...others]);
}
