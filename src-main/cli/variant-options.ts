/** Variants on the command line: `FLUX/T5/InfuseNet` formats, separated by commas; and mixes within budgets. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { autoFormat, MAX_BUDGET_MIB, MIN_BUDGET_MIB, parseAutoFormat } from '../base/auto-format.js';
import {
  AS_FILE,
  COMPONENT_NAMES,
  isWeightFormat,
  QUANTIZED_COMPONENTS,
  WEIGHT_FORMATS,
  type ComponentFormat,
  type FormatChoice,
  type QuantizedComponent,
} from '../base/vocabulary.js';
import { number } from './options.js';

function isFormat(text: string | undefined): text is ComponentFormat {
  return text !== undefined && (isWeightFormat(text) || text === AS_FILE || parseAutoFormat(text) !== null);
}

/** @throws InvalidArgumentError */
export function parseFormat(text: string): ComponentFormat {
  if (isFormat(text)) return text;
  throw new InvalidArgumentError(
    `"${text}" is neither a format (${WEIGHT_FORMATS.join(', ')}), ${AS_FILE} nor a mix such as auto-3500.`,
  );
}

/** @throws InvalidArgumentError */
export function parseVariants(text: string): FormatChoice[] {
  return text.split(',').map((variant) => {
    const [flux, t5, infusenet, ...rest] = variant.trim().split('/');
    if (!isFormat(flux) || !isFormat(t5) || !isFormat(infusenet) || rest.length > 0) {
      throw new InvalidArgumentError(
        `"${variant}" is not FLUX/T5/InfuseNet formats out of ${WEIGHT_FORMATS.join(', ')} and ${AS_FILE}, or mixes such as auto-3500.`,
      );
    }
    return { flux, t5, infusenet };
  });
}

/** `--variants`, and its old name `--configs`. @param which the default, in words */
export function variantOptions(command: Command, variants: readonly FormatChoice[], which: string): Command {
  return command
    .addOption(
      new Option('--variants <list>', 'FLUX/T5/InfuseNet formats, separated by commas; the first is the reference')
        .argParser(parseVariants)
        .default(variants, which),
    )
    .addOption(new Option('--configs <list>').argParser(parseVariants).hideHelp());
}

export interface VariantOptions {
  readonly variants: readonly FormatChoice[];
  readonly configs?: readonly FormatChoice[];
}

/** MiB by component. */
export type Budgets = Readonly<Partial<Record<QuantizedComponent, number>>>;

/** `--flux-budget` and its like. */
export function budgetOption(component: QuantizedComponent): Option {
  const flag = `--${component}-budget`;
  const name = COMPONENT_NAMES[component];
  return new Option(
    `${flag} <MiB>`,
    `adds a variant: ${name} with a format per layer, its weights within this budget`,
  ).argParser(number(flag, MIN_BUDGET_MIB, MAX_BUDGET_MIB));
}

/** The formats with a mix by weight errors for each component that has a budget. */
export function withinBudgets(formats: FormatChoice, budgets: Budgets): FormatChoice {
  const choice = { ...formats };
  for (const component of QUANTIZED_COMPONENTS) {
    const budgetMiB = budgets[component];
    if (budgetMiB !== undefined) choice[component] = autoFormat({ budgetMiB, measurement: null });
  }
  return choice;
}
