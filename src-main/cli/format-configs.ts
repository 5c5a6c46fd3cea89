/** Configurations on the command line: `FLUX/T5/InfuseNet` formats, separated by commas. */
import { InvalidArgumentError } from 'commander';
import { autoFormat, MAX_BUDGET_MIB, MIN_BUDGET_MIB, parseAutoFormat, type AutoFormat } from '../base/auto-format.js';
import {
  QUANTIZED_COMPONENTS,
  WEIGHT_FORMATS,
  type ComponentFormat,
  type FormatChoice,
  type QuantizedComponent,
} from '../engine/protocol.js';

function isAuto(text: string): text is AutoFormat {
  return parseAutoFormat(text) !== null;
}

function isFormat(text: string | undefined): text is ComponentFormat {
  return text !== undefined && (WEIGHT_FORMATS.some((format) => format === text) || isAuto(text));
}

/** @throws InvalidArgumentError */
export function parseFormat(text: string): ComponentFormat {
  if (isFormat(text)) return text;
  throw new InvalidArgumentError(`"${text}" is none of ${WEIGHT_FORMATS.join(', ')}, and no mix such as auto-3500.`);
}

/** @throws InvalidArgumentError */
export function parseConfigs(text: string): FormatChoice[] {
  return text.split(',').map((config) => {
    const [flux, t5, infusenet, ...rest] = config.trim().split('/');
    if (!isFormat(flux) || !isFormat(t5) || !isFormat(infusenet) || rest.length > 0) {
      throw new InvalidArgumentError(
        `"${config}" is not FLUX/T5/InfuseNet formats out of ${WEIGHT_FORMATS.join(', ')}, or mixes such as auto-3500.`,
      );
    }
    return { flux, t5, infusenet };
  });
}

export function configName({ flux, t5, infusenet }: FormatChoice): string {
  return `${flux}/${t5}/${infusenet}`;
}

/** MiB by component; undefined for one that keeps its format. */
export type Budgets = Readonly<Partial<Record<QuantizedComponent, number>>>;

/** The range of `--flux-budget` and its like, MiB. */
export const BUDGET_RANGE = [MIN_BUDGET_MIB, MAX_BUDGET_MIB] as const;

/**
 * Formats with a mix for every component that has a budget; null when none has.
 * @param measurements ids of output errors by component; the others' mixes go by the weights
 */
export function withinBudgets(
  formats: FormatChoice,
  budgets: Budgets,
  measurements: Readonly<Partial<Record<QuantizedComponent, string>>> = {},
): FormatChoice | null {
  const choice = { ...formats };
  let any = false;
  for (const component of QUANTIZED_COMPONENTS) {
    const budgetMiB = budgets[component];
    if (budgetMiB === undefined) continue;
    choice[component] = autoFormat({ budgetMiB, measurement: measurements[component] ?? null });
    any = true;
  }
  return any ? choice : null;
}
