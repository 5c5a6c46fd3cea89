/** Which formats a row of the studio shows, and the list of all, by bits. */
import { FORMAT_FACTS, WEIGHT_FORMATS, type ComponentFormat, type WeightFormat } from '$contract/formats';

export interface FormatGroup {
  /** Of one code. */
  readonly bits: number;
  readonly formats: readonly WeightFormat[];
}

/** All formats, most bits first. */
export const FORMAT_GROUPS: readonly FormatGroup[] = groupsOf(WEIGHT_FORMATS);

function groupsOf(formats: readonly WeightFormat[]): FormatGroup[] {
  const bits = [...new Set(formats.map((format) => FORMAT_FACTS[format].bits))].sort((a, b) => b - a);
  return bits.map((of) => ({ bits: of, formats: formats.filter((format) => FORMAT_FACTS[format].bits === of) }));
}

/** The favourites and the chosen one, in the order of all formats. */
export function shownFormats(favourites: readonly WeightFormat[], chosen: ComponentFormat): WeightFormat[] {
  return WEIGHT_FORMATS.filter((format) => format === chosen || favourites.includes(format));
}

/** The favourites with a format added or taken away; the last one stays. */
export function toggledFavourite(favourites: readonly WeightFormat[], format: WeightFormat): WeightFormat[] {
  if (!favourites.includes(format)) return WEIGHT_FORMATS.filter((one) => one === format || favourites.includes(one));
  return favourites.length === 1 ? [...favourites] : favourites.filter((one) => one !== format);
}
