/**
 * `compare`: configurations × seeds on one pack, and a report of their differences from the first configuration.
 */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { planContactSheet } from '../compare/report/contact-sheet.js';
import { DEFAULT_PIXELS_PER_DEGREE } from '../compare/measures/flip.js';
import type { Box } from '../compare/measures/picture-metrics.js';
import { reportCsv } from '../compare/report/report-csv.js';
import { variantVerdict, weightNotes, type ReportInput } from '../compare/report/report-data.js';
import { reportHtml } from '../compare/report/report-html.js';
import { reportMarkdown } from '../compare/report/report-markdown.js';
import { present } from '../compare/report/variant-summary.js';
import { reportTable } from '../compare/report/report-table.js';
import type { WeightErrors } from '../compare/statistics/weight-order.js';
import { deviceName } from '../contract/formats.js';
import { openPack, type Pack } from '../engine/pack/open-pack.js';
import {
  INFUSENET_VARIANTS,
  QUANTIZED_COMPONENTS,
  type DecodeChoice,
  type FormatChoice,
  type GenerateRequest,
  type LoraChoice,
  type Provider,
  type QuantizedComponent,
} from '../engine/protocol.js';
import { compareRuns, PICTURES, type ConfigurationRuns, type SharedSettings } from './compare-runs.js';
import { BUDGET_RANGE, parseConfigs, withinBudgets, type Budgets } from './format-configs.js';
import { identityInput } from './identity-input.js';
import { loraOption } from './lora-option.js';
import { measurePictures } from './measure-pictures.js';
import { memoryOfRun } from './run-figures.js';
import { integer, number } from './options.js';
import { drawContactSheet } from '../services/pictures/draw-contact-sheet.js';
import { cacheOption, decodeOption, deviceOption, providerOption } from './run-options.js';
import { runInEngine } from './run-in-engine.js';
import { endProgress, formatTable, interruptSignal, print, showProgress } from './terminal.js';

interface CompareOptions {
  readonly pack: string;
  readonly report: string;
  readonly configs: readonly FormatChoice[];
  readonly seeds: readonly number[];
  readonly fluxBudget?: number;
  readonly t5Budget?: number;
  readonly infusenetBudget?: number;
  readonly byOutputs?: boolean;
  readonly repeats: number;
  readonly prompt: string;
  readonly title?: string;
  readonly identity?: string;
  readonly identityEmbedding?: string;
  readonly face: number;
  readonly steps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly guidance?: number;
  readonly conditioningScale: number;
  readonly variant?: string;
  readonly lora: readonly LoraChoice[];
  readonly pixelsPerDegree: number;
  readonly provider: Provider;
  readonly deviceId: number;
  readonly decode: DecodeChoice;
  readonly cache: string;
}

/** Eight seeds: a 95 % interval is then 2.4 standard errors wide, near what more would give. */
const DEFAULT_SEEDS = '1-8';
const MAX_SEEDS = 1000;

/** From the package, two folders above both the source and the built file. */
function appVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Numbers and ranges, such as `1-8,42`. @throws InvalidArgumentError */
export function parseSeeds(text: string): number[] {
  const seeds = text.split(',').flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,10})(?:-(\d{1,10}))?\s*$/.exec(part) ?? [];
    const first = Number(from);
    const last = to === undefined ? first : Number(to);
    if (from === undefined || last < first || last > 2 ** 32 - 1 || last - first >= MAX_SEEDS) {
      throw new InvalidArgumentError(`--seeds has numbers and ranges such as 1-8,42; "${part}" is none.`);
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return [...new Set(seeds)];
}

export function compareCommand(): Command {
  return new Command('compare')
    .description('Make the same pictures with several configurations and report how they differ from the first.')
    .requiredOption('--pack <folder>', 'model pack')
    .requiredOption('--report <folder>', 'where report.md, .csv, .html, contact-sheet.png and the pictures go')
    .addOption(
      new Option('--configs <list>', 'FLUX/T5/InfuseNet formats, separated by commas; the first is the reference')
        .argParser(parseConfigs)
        .default(INFUSENET_VARIANTS, 'every format of InfuseNet'),
    )
    .addOption(budgetOption('flux', 'FLUX'))
    .addOption(budgetOption('t5', 'T5'))
    .addOption(budgetOption('infusenet', 'InfuseNet'))
    .option('--by-outputs', 'spend the budgets by the errors of the layers’ outputs in the first picture’s run')
    .addOption(
      new Option('--seeds <list>', 'seeds and ranges of seeds')
        .argParser(parseSeeds)
        .default(parseSeeds(DEFAULT_SEEDS), DEFAULT_SEEDS),
    )
    .option(
      '--repeats <n>',
      'how often the first seed is repeated, for the noise floor',
      integer('--repeats', 0, 100),
      1,
    )
    .option('--prompt <text>', 'what the pictures show', 'A man, portrait, cinematic')
    .option('--title <text>', 'heading of the report')
    .option('--identity <image>', 'photo of the person')
    .option(
      '--identity-embedding <file>',
      'embedding instead of a photo: JSON array, raw little-endian f32, or safetensors',
    )
    .option('--face <index>', 'which face of the photo, largest first', integer('--face', 0, 1000), 0)
    .option('--steps <n>', "denoising steps (default: the pack's)", integer('--steps', 1, 1000))
    .option('--width <px>', "width (default: the pack's)", integer('--width', 16, 8192))
    .option('--height <px>', "height (default: the pack's)", integer('--height', 16, 8192))
    .option('--guidance <x>', "guidance (default: the pack's)", number('--guidance', 0, 100))
    .option('--conditioning-scale <x>', 'strength of InfuseNet', number('--conditioning-scale', 0, 10), 1)
    .option('--variant <name>', "InfiniteYou variant (default: the pack's first)")
    .option(
      '--pixels-per-degree <x>',
      'viewing distance for FLIP',
      number('--pixels-per-degree', 5, 500),
      DEFAULT_PIXELS_PER_DEGREE,
    )
    .addOption(loraOption())
    .addOption(providerOption())
    .addOption(deviceOption())
    .addOption(decodeOption())
    .addOption(cacheOption())
    .action(run);
}

async function sharedSettings(options: CompareOptions, pack: Pack): Promise<SharedSettings> {
  return {
    packPath: pack.root,
    cachePath: resolve(options.cache),
    provider: options.provider,
    deviceId: options.deviceId,
    decode: options.decode,
    modelVariant: options.variant ?? [...pack.variants.keys()][0] ?? '',
    identity: await identityInput(options),
    controlImagePath: null,
    prompt: options.prompt,
    steps: options.steps ?? pack.defaults.steps,
    width: options.width ?? pack.defaults.width,
    height: options.height ?? pack.defaults.height,
    guidance: options.guidance ?? pack.defaults.guidance,
    conditioningScale: options.conditioningScale,
    start: 0,
    end: 1,
    loras: options.lora,
  };
}

/** Where the face is in each of the reference's pictures; empty for a pack that cannot find faces. */
async function findFaces(
  reference: ConfigurationRuns,
  { packPath, cachePath, provider }: SharedSettings,
  pack: Pack,
  reportDir: string,
  signal: AbortSignal,
): Promise<Map<number, Box | null>> {
  const boxes = new Map<number, Box | null>();
  if (pack.faceDetection.kind === 'scrfd' && pack.scrfd === null) return boxes;
  await runInEngine(async (send) => {
    for (const { seed, repeat, file } of reference.runs) {
      if (repeat > 0) continue;
      const imagePath = join(reportDir, file);
      const found = await send({ kind: 'detect-faces', params: { packPath, cachePath, provider, imagePath } });
      boxes.set(seed, found.faces[0]?.box ?? null);
    }
  }, signal);
  return boxes;
}

function budgetOption(component: QuantizedComponent, name: string): Option {
  const flag = `--${component}-budget`;
  return new Option(
    `${flag} <MiB>`,
    `one more configuration: ${name} with a format for each layer, its weights at most so large`,
  ).argParser(number(flag, ...BUDGET_RANGE));
}

/** The given ones, and one with mixes for the components that have a budget. */
async function configurationsOf(
  options: CompareOptions,
  shared: SharedSettings,
  signal: AbortSignal,
): Promise<FormatChoice[]> {
  const { configs, fluxBudget: flux, t5Budget: t5, infusenetBudget: infusenet, byOutputs } = options;
  const budgets: Budgets = {
    ...(flux === undefined ? {} : { flux }),
    ...(t5 === undefined ? {} : { t5 }),
    ...(infusenet === undefined ? {} : { infusenet }),
  };
  const [first] = configs;
  const [seed] = options.seeds;
  if (first === undefined || seed === undefined) return [...configs];
  const measurements: Partial<Record<QuantizedComponent, string>> = {};
  if (byOutputs === true) {
    const run: GenerateRequest = { ...shared, formats: first, seed, outputPath: '', previewDir: null };
    await runInEngine(async (send) => {
      for (const component of QUANTIZED_COMPONENTS) {
        if (budgets[component] === undefined) continue;
        const { measured } = await send({ kind: 'output-errors', params: { run, component } }, (progress) => {
          showProgress(progress.fraction, progress.message);
        });
        if (measured !== null) measurements[component] = measured.id;
      }
    }, signal);
  }
  const mixed = withinBudgets(first, budgets, measurements);
  return mixed === null ? [...configs] : [...configs, mixed];
}

/** Of every component whose format varies. */
async function measureWeights(
  configs: readonly FormatChoice[],
  { packPath, cachePath, modelVariant }: SharedSettings,
  signal: AbortSignal,
): Promise<WeightErrors[]> {
  const varying = QUANTIZED_COMPONENTS.filter((component) => new Set(configs.map((c) => c[component])).size > 1);
  return runInEngine(async (send) => {
    const out: WeightErrors[] = [];
    for (const component of varying) {
      const params = { packPath, cachePath, modelVariant, component };
      const { overall } = await send({ kind: 'weight-errors', params }, ({ fraction, message }) => {
        showProgress(fraction, message);
      });
      out.push({ component, errors: overall });
    }
    return out;
  }, signal);
}

function describeSettings(shared: SharedSettings, pack: Pack, options: CompareOptions): [string, string][] {
  return [
    ['Pack', `${pack.name}, ${shared.modelVariant}`],
    ['Prompt', shared.prompt],
    [
      'Settings',
      `${shared.width}×${shared.height}, ${shared.steps} steps, guidance ${shared.guidance}, ` +
        `conditioning scale ${shared.conditioningScale}, ${deviceName(shared)}`,
    ],
    ...options.lora.map(({ path, weight }): [string, string] => ['LoRA', `${basename(path)}, weight ${weight}`]),
    ['Seeds', options.seeds.join(', ')],
    ['Repeats of the first seed', String(options.repeats)],
  ];
}

async function run(options: CompareOptions): Promise<void> {
  const pack = await openPack(options.pack);
  const shared = await sharedSettings(options, pack);
  const reportDir = resolve(options.report);
  await mkdir(join(reportDir, PICTURES), { recursive: true });
  const signal = interruptSignal();
  const { seeds, repeats, pixelsPerDegree } = options;
  const configs = await configurationsOf(options, shared, signal);
  const configurations = await compareRuns({
    shared, configs, seeds, repeats, reportDir, signal, onProgress: showProgress,
  }); // prettier-ignore
  const [reference] = configurations;
  if (reference === undefined) throw new Error('Invariant violated: a comparison has a configuration');
  showProgress(1, 'Comparing the pictures');
  const faceBoxes = await findFaces(reference, shared, pack, reportDir, signal);
  const first = reference.runs[0]?.result;
  const input: ReportInput = {
    title: options.title ?? `${pack.name}: quantization compared`,
    appVersion: appVersion(),
    settings: describeSettings(shared, pack, options),
    prompts: [options.prompt],
    picturesBeside: true,
    memorySource:
      first === undefined ? 'not measured' : `${memoryOfRun(first).source}, of the first picture in a fresh process`,
    weightErrors: await measureWeights(configs, shared, signal),
    pixelsPerDegree,
    variants: await measurePictures(configurations, { reportDir, pixelsPerDegree, faceBoxes }),
  };
  const sheet = planContactSheet(input, shared.height / shared.width);
  await Promise.all([
    writeFile(join(reportDir, 'report.md'), reportMarkdown(input)),
    writeFile(join(reportDir, 'report.csv'), reportCsv(input)),
    writeFile(join(reportDir, 'report.html'), reportHtml(input)),
    writeFile(join(reportDir, 'contact-sheet.png'), await drawContactSheet(sheet, (file) => join(reportDir, file))),
  ]);
  endProgress();
  const { head, rows } = reportTable(input);
  print(formatTable([head, ...rows]));
  for (const verdict of present(input.variants.map(variantVerdict))) print(verdict);
  for (const note of weightNotes(input)) print(note);
  print(`Report in ${reportDir}`);
}
