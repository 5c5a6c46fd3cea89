/** Names of weight formats and variants in the page's language; see `src-main/base/variant-name.ts`. */
import * as names from '$contract/formats';
import type { ComponentFormat, FormatChoice, NameWords } from '$contract/formats';
import type { CompareVariant } from '$contract/compare-data';
import type { RunDetail } from '$contract/run';
import { variantTitle as titleOf } from '$contract/variant-title';
import { commas, formatDecimal, t } from '../../text/text.svelte';
import { fieldName } from './setting-name';

const WORDS: NameWords = {
  all: (format) => t('format.all', { format }),
  get asFile() {
    return t('format.as-file');
  },
  mix: (budgetMiB, byOutputs) =>
    t(byOutputs ? 'format.auto-outputs' : 'format.auto', {
      // As in the mix's own name: without separators of thousands.
      budget: t('unit.mib', { value: budgetMiB < 1000 ? formatDecimal(budgetMiB) : String(budgetMiB) }),
    }),
};

/** `NF4`, `Auto 3500 MiB`. */
export const formatName = (format: ComponentFormat): string => names.formatName(format, WORDS);

/** The shortest exact name: `All 16-bit`, `INT8 + InfuseNet NF4`. */
export const variantName = (formats: FormatChoice): string => names.variantName(formats, WORDS);

/** Every component by name: `FLUX INT8, T5 INT8, InfuseNet NF4`. */
export const variantDescription = (formats: FormatChoice): string => names.variantDescription(formats, WORDS);

/** `at most 7.5 GiB of the card`. @param gib undefined without a limit */
export function limitText(gib: number | undefined): string {
  return gib === undefined
    ? t('limit.none')
    : t('limit.at-most', { amount: t('unit.gib', { value: formatDecimal(gib) }) });
}

/**
 * A variant's name in a table, with other settings that differ from the reference: `All INT8, steps 20`.
 * @param runs runs of the table
 */
export function variantTitle(
  variant: CompareVariant,
  variants: readonly CompareVariant[],
  runs: readonly RunDetail[],
): string {
  const [own, reference] = [variant, variants.find(({ isReference }) => isReference)].map(
    (of) => runs.find((run) => run.id === of?.runIds[0])?.settings,
  );
  if (own === undefined || reference === undefined) return variant.name;
  return titleOf(own, reference, {
    names: WORDS,
    field: fieldName,
    other: (field) => t('variant.other', { field }),
    decoded: (choice) => t(`decoded.${choice}`),
    limited: limitText,
    list: commas,
  });
}

/** A name that fits under a small picture: like `variantName`, but three different formats without component names. */
export function variantCaption(formats: FormatChoice): string {
  const { flux, t5, infusenet } = formats;
  if (flux === t5 || t5 === infusenet || flux === infusenet) return variantName(formats);
  return [flux, t5, infusenet].map(formatName).join(' · ');
}
