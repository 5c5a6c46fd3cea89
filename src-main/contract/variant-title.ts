/** Names of the variants of a comparison: their formats, then the other settings that differ from the reference's. */
import { variantName, type NameWords } from '../base/variant-name.js';
import { QUANTIZED_COMPONENTS } from '../base/vocabulary.js';
import {
  differingFields,
  SETTINGS,
  settingValue,
  type DecodeChoice,
  type RunSettings,
  type SettingField,
} from './generation-settings.js';

/** Fields that vary among the pictures of one variant. */
export const SAMPLED_FIELDS: ReadonlySet<SettingField> = new Set(['seed', 'prompt']);
const IN_THE_NAME: ReadonlySet<SettingField> = new Set(QUANTIZED_COMPONENTS);
/** Fields whose value is an id, which says nothing to a person. */
const OPAQUE: ReadonlySet<SettingField> = new Set(['identity', 'pose', 'pack']);

export interface TitleWords {
  /** Default: English. */
  readonly names?: NameWords;
  readonly field: (field: SettingField) => string;
  /** For a value that is an id: `other pose`. */
  readonly other: (field: string) => string;
  readonly decoded: (choice: DecodeChoice) => string;
  /** @param gib undefined without a limit */
  readonly limited: (gib: number | undefined) => string;
  readonly list: (parts: readonly string[]) => string;
}

const NAMES: Readonly<Record<string, { readonly name: string }>> = { ...SETTINGS, loras: { name: 'LoRAs' } };
const DECODED = { auto: 'decoded automatically', whole: 'decoded whole', tiles: 'decoded in tiles' };
const ENGLISH: TitleWords = {
  field: (field) => NAMES[field]?.name ?? field,
  other: (field) => `other ${field}`,
  decoded: (choice) => DECODED[choice],
  limited: (gib) => (gib === undefined ? 'no memory limit' : `at most ${gib} GiB of the card`),
  list: (parts) => parts.join(', '),
};

/** `INT8 + InfuseNet NF4`, `All 16-bit, steps 20`. */
export function variantTitle(settings: RunSettings, reference: RunSettings, words = ENGLISH): string {
  const others = differingFields(settings, reference)
    .filter((field) => !SAMPLED_FIELDS.has(field) && !IN_THE_NAME.has(field))
    .map((field) => {
      if (field === 'decode') return words.decoded(settings.decode ?? 'auto');
      if (field === 'memoryLimit') return words.limited(settings.memoryLimit);
      const name = words.field(field);
      return OPAQUE.has(field) ? words.other(name) : `${name} ${settingValue(settings, field)}`;
    });
  return words.list([variantName(settings.formats, words.names), ...others]);
}
