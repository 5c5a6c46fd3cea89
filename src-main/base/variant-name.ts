/**
 * Names of weight formats and variants. The same formats have the same name in studio, table, queue, gallery and report;
 * a name never depends on what a variant is compared with. Pure.
 */
import { parseAutoFormat } from './auto-format.js';
import {
  AS_FILE,
  COMPONENT_NAMES,
  FORMAT_FACTS,
  QUANTIZED_COMPONENTS,
  type ComponentFormat,
  type FormatChoice,
  type WeightFormat,
} from './vocabulary.js';

/** What names say in each language. */
export interface NameWords {
  /** Every component in one format: `All INT8`. */
  readonly all: (format: string) => string;
  /** A quantized file's own numbers: `As the file`. */
  readonly asFile: string;
  /** A mix by its budget: `Auto 3500 MiB`; where errors of outputs decided it, `Auto 3500 MiB by outputs`. */
  readonly mix: (budgetMiB: number, byOutputs: boolean) => string;
}

const ENGLISH: NameWords = {
  all: (format) => `All ${format}`,
  asFile: 'As the file',
  mix: (budgetMiB, byOutputs) => `Auto ${budgetMiB} MiB${byOutputs ? ' by outputs' : ''}`,
};

/** `16-bit`, `NF4`, `Auto 3500 MiB`. */
export function formatName(format: ComponentFormat, words = ENGLISH): string {
  if (format === AS_FILE) return words.asFile;
  const auto = parseAutoFormat(format);
  if (auto === null) return FORMAT_FACTS[format as WeightFormat].name;
  return words.mix(auto.budgetMiB, auto.measurement !== null);
}

/** Every component by name: `FLUX INT8, T5 INT8, InfuseNet NF4`. */
export function variantDescription(formats: FormatChoice, words = ENGLISH): string {
  return QUANTIZED_COMPONENTS.map(
    (component) => `${COMPONENT_NAMES[component]} ${formatName(formats[component], words)}`,
  ).join(', ');
}

/** The shortest name that is still exact: `All 16-bit`, `INT8 + InfuseNet NF4`, `FLUX INT8, T5 FP8, InfuseNet NF4`. */
export function variantName(formats: FormatChoice, words = ENGLISH): string {
  const { flux, t5, infusenet } = formats;
  if (flux === t5 && t5 === infusenet) return words.all(formatName(flux, words));
  const odd = flux === t5 ? 'infusenet' : flux === infusenet ? 't5' : t5 === infusenet ? 'flux' : null;
  if (odd === null) return variantDescription(formats, words);
  const most = odd === 'flux' ? t5 : flux;
  return `${formatName(most, words)} + ${COMPONENT_NAMES[odd]} ${formatName(formats[odd], words)}`;
}
