/** Names of weight formats and variants for people. */
import {
  FORMAT_FACTS,
  parseAutoFormat,
  type ComponentFormat,
  type FormatChoice,
  type WeightFormat,
} from '$contract/formats';
import { t } from '../../text/text.svelte';
import { formatBytes } from '../format-amount';

/** Such as `NF4`; a mix by its budget, `Auto 3.4 GiB`. */
export function formatName(format: ComponentFormat): string {
  const auto = parseAutoFormat(format);
  if (auto === null) return FORMAT_FACTS[format as WeightFormat].name;
  const budget = formatBytes(auto.budgetMiB * 2 ** 20);
  return t(auto.measurement === null ? 'format.auto' : 'format.auto-outputs', { budget });
}

/** The shortest name that is still exact: `Full 16-bit`, `All INT8`, `INT8 + InfuseNet NF4`. */
export function variantName({ flux, t5, infusenet }: FormatChoice): string {
  if (flux === t5 && t5 === infusenet)
    return flux === '16-bit' ? t('format.full') : t('format.all', { format: formatName(flux) });
  if (flux === t5) return `${formatName(flux)} + InfuseNet ${formatName(infusenet)}`;
  if (flux === infusenet) return `${formatName(flux)} + T5 ${formatName(t5)}`;
  if (t5 === infusenet) return `${formatName(t5)} + FLUX ${formatName(flux)}`;
  return `FLUX ${formatName(flux)}, T5 ${formatName(t5)}, InfuseNet ${formatName(infusenet)}`;
}

/** A name that fits under a small picture: as `variantName`, but three different formats stand alone, in its order. */
export function variantCaption(formats: FormatChoice): string {
  const { flux, t5, infusenet } = formats;
  if (flux === t5 || t5 === infusenet || flux === infusenet) return variantName(formats);
  return [flux, t5, infusenet].map(formatName).join(' · ');
}

/** Every component by name: `FLUX INT8, T5 INT8, InfuseNet NF4`. */
export function variantDescription({ flux, t5, infusenet }: FormatChoice): string {
  return `FLUX ${formatName(flux)}, T5 ${formatName(t5)}, InfuseNet ${formatName(infusenet)}`;
}
