/** `compare`: variants × seeds on one pack, with a report of their differences from the first variant. */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { planContactSheet } from '../compare/report/contact-sheet.js';
import { DEFAULT_PIXELS_PER_DEGREE } from '../compare/measures/flip.js';
import { reportCsv } from '../compare/report/report-csv.js';
import { variantVerdict, weightNotes, type ReportInput } from '../compare/report/report-data.js';
import { reportHtml } from '../compare/report/report-html.js';
import { reportMarkdown } from '../compare/report/report-markdown.js';
import { reportTable } from '../compare/report/report-table.js';
import { streamingLines } from '../compare/report/weight-places.js';
import { present } from '../compare/statistics/medians.js';
import { variantKey } from '../contract/formats.js';
import { SHARED_SETTINGS } from '../contract/generation-settings.js';
import type { RunDetail } from '../contract/run.js';
import {
  INFUSENET_VARIANTS,
  QUANTIZED_COMPONENTS,
  type FormatChoice,
  type GenerateResult,
} from '../engine/protocol.js';
import type { Cell } from '../services/comparisons/comparison-service.js';
import {
  copyPicture,
  requireOutputFile,
  requireWritable,
  typedOutput,
  writeResult,
} from '../services/support/writable-folder.js';
import { drawContactSheet } from '../services/pictures/draw-contact-sheet.js';
import { withHost, type CommandHost, type PictureOptions } from './command-host.js';
import { loraOption } from './lora-option.js';
import { integer, number } from './options.js';
import { addOptions, identityOptions, pictureOptions } from './run-options.js';
import { settingOptions } from './setting-options.js';
import { endProgress, formatTable, print, showProgress } from './terminal.js';
import { budgetOption, variantOptions, withinBudgets, type Budgets, type VariantOptions } from './variant-options.js';

interface CompareOptions extends VariantOptions, Omit<PictureOptions, 'seed' | 'control'> {
  readonly report: string;
  readonly seeds: readonly number[];
  readonly fluxBudget?: number;
  readonly t5Budget?: number;
  readonly infusenetBudget?: number;
  readonly byOutputs?: boolean;
  readonly repeats: number;
  readonly title?: string;
  readonly pixelsPerDegree: number;
}

/** With eight seeds a 95 % interval is 2.4 standard errors; more seeds hardly narrow that. */
const DEFAULT_SEEDS = '1-8';
const MAX_SEEDS = 1000;

/** Numbers and ranges, such as `1-8,42`. @throws InvalidArgumentError */
export function parseSeeds(text: string): number[] {
  const seeds = text.split(',').flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,10})(?:-(\d{1,10}))?\s*$/.exec(part) ?? [];
    const first = Number(from);
    const last = to === undefined ? first : Number(to);
    if (from === undefined || last < first || last > 2 ** 32 - 1 || last - first >= MAX_SEEDS) {
      throw new InvalidArgumentError(`--seeds has numbers and ranges such as 1-8,42; "${part}" is neither.`);
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return [...new Set(seeds)];
}

export function compareCommand(): Command {
  const command = new Command('compare')
    .description('Make the same pictures with several variants and report how they differ from the first.')
    .requiredOption('--pack <folder>', 'model pack')
    .requiredOption('--report <folder>', 'folder for report.md, .csv, .html, contact-sheet.png and the pictures');
  variantOptions(command, INFUSENET_VARIANTS, 'every format of InfuseNet');
  addOptions(command, ...QUANTIZED_COMPONENTS.map(budgetOption))
    .option('--by-outputs', 'choose the mixes by the output errors of the layers, measured on the first picture')
    .addOption(
      new Option('--seeds <list>', 'seeds and ranges of seeds')
        .argParser(parseSeeds)
        .default(parseSeeds(DEFAULT_SEEDS), DEFAULT_SEEDS),
    )
    .option('--repeats <n>', 'repeats of the first seed, for the noise floor', integer('--repeats', 0, 100), 1)
    .option('--prompt <text>', 'prompt of the pictures', 'A man, portrait, cinematic')
    .option('--title <text>', 'heading of the report')
    .option(
      '--pixels-per-degree <x>',
      'viewing distance for FLIP',
      number('--pixels-per-degree', 5, 500),
      DEFAULT_PIXELS_PER_DEGREE,
    );
  identityOptions(command, 'photo of the person');
  return addOptions(command, ...settingOptions(SHARED_SETTINGS), loraOption(), ...pictureOptions()).action(run);
}

/** Folder of the pictures inside the report folder. */
const PICTURES = 'pictures';

const REPORT_FILES = {
  markdown: 'report.md',
  csv: 'report.csv',
  html: 'report.html',
  sheet: 'contact-sheet.png',
} as const;

/** Path of a picture in the report folder, with forward slashes. @param repeat 0 for the picture itself */
function fileOf(formats: FormatChoice, seed: number, repeat: number): string {
  const stem = `${variantKey(formats).replaceAll('/', '_')}-seed-${seed}`;
  return `${PICTURES}/${stem}${repeat === 0 ? '' : `-repeat-${repeat}`}.png`;
}

/** The variant with mixes for the components that have a budget; null without budgets. */
async function mixedVariant(
  { services: { mixes, outputErrors } }: CommandHost,
  { fluxBudget: flux, t5Budget: t5, infusenetBudget: infusenet, byOutputs }: CompareOptions,
  first: FormatChoice,
  firstRunId: string,
): Promise<FormatChoice | null> {
  const budgets: Budgets = {
    ...(flux === undefined ? {} : { flux }),
    ...(t5 === undefined ? {} : { t5 }),
    ...(infusenet === undefined ? {} : { infusenet }),
  };
  if (Object.keys(budgets).length === 0) return null;
  if (byOutputs !== true) return withinBudgets(first, budgets);
  const formats = { ...first };
  for (const component of QUANTIZED_COMPONENTS) {
    const budgetMiB = budgets[component];
    if (budgetMiB === undefined) continue;
    showProgress(1, `Measuring the outputs of ${component}`);
    await outputErrors.errors({ runId: firstRunId, component, measure: true });
    formats[component] = (await mixes.mix({ runId: firstRunId, component, by: 'outputs', budgetMiB })).format;
  }
  return formats;
}

/** Makes and compares every variant at every seed, with repeats of the first seed. */
async function compared(host: CommandHost, options: CompareOptions): Promise<ReportInput> {
  const { comparisons, packs, reports } = host.services;
  const { settings: shared } = host;
  const { seeds, repeats } = options;
  const cellsOf = (formats: FormatChoice): Cell[] => [
    ...seeds.map((seed) => ({ settings: { ...shared, seed, formats }, repeat: 1 })),
    ...seeds
      .slice(0, 1)
      .flatMap((seed) =>
        Array.from({ length: repeats }, (_, i) => ({ settings: { ...shared, seed, formats }, repeat: i + 2 })),
      ),
  ];
  const variants = [...new Map((options.configs ?? options.variants).map((v) => [variantKey(v), v])).values()];
  const { comparisonId, runIds } = await comparisons.start(variants.flatMap(cellsOf));
  let runs = await host.made(comparisonId);
  const [first] = runs;
  if (first === undefined) throw new Error('Invariant violated: a comparison has pictures');
  const mixed = await mixedVariant(host, options, first.formats, first.id);
  if (mixed !== null && !variants.some((variant) => variantKey(variant) === variantKey(mixed))) {
    await comparisons.append(comparisonId, () => cellsOf(mixed));
    runs = await host.made(comparisonId);
  }
  showProgress(1, 'Comparing the pictures');
  const input = await reports.input({
    title: options.title ?? `${(await packs.usable(shared.packId)).name}: quantization compared`,
    referenceRunId: runIds[0] ?? '',
    runIds: runs.map(({ id }) => id),
    withPictures: true,
    components: QUANTIZED_COMPONENTS,
  });
  return {
    ...input,
    picturesBeside: true,
    variants: input.variants.map((variant) => ({
      ...variant,
      pictures: variant.pictures.map((picture) => ({
        ...picture,
        file: fileOf(variant.formats, picture.seed, picture.repeat),
      })),
    })),
  };
}

async function run(options: CompareOptions): Promise<void> {
  const reportDir = typedOutput(options.report);
  await requireWritable(join(reportDir, PICTURES));
  for (const name of Object.values(REPORT_FILES)) await requireOutputFile(join(reportDir, name));
  const measuring = {
    pixelsPerDegree: options.pixelsPerDegree,
    onMade: ({ formats, seed, repeat }: RunDetail, { outputPath }: GenerateResult) =>
      copyPicture(outputPath, join(reportDir, fileOf(formats, seed, repeat - 1))),
  };
  const seed = options.seeds[0] ?? 0;
  const input = await withHost({ ...options, seed }, measuring, (host) => compared(host, options));
  const sheet = await drawContactSheet(planContactSheet(input), (file) => join(reportDir, file));
  const written = await Promise.allSettled([
    writeResult(join(reportDir, REPORT_FILES.markdown), reportMarkdown(input)),
    writeResult(join(reportDir, REPORT_FILES.csv), reportCsv(input)),
    writeResult(join(reportDir, REPORT_FILES.html), reportHtml(input)),
    writeResult(join(reportDir, REPORT_FILES.sheet), sheet),
  ]);
  // One that a spreadsheet has open does not cost the others.
  for (const result of written) if (result.status === 'rejected') throw result.reason;
  endProgress();
  const { head, rows } = reportTable(input);
  print(formatTable([head, ...rows]));
  for (const line of streamingLines(input.variants)) print(line);
  for (const verdict of present(input.variants.map(variantVerdict))) print(verdict);
  for (const note of weightNotes(input)) print(note);
  print(`Report in ${reportDir}`);
}
