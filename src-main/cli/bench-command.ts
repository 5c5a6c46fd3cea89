/** `bench`: memory and time of several variants, each in an engine process of its own so that none affects the next. */
import { Command } from 'commander';
import { typedOutput } from '../services/support/writable-folder.js';
import { phaseFigures } from '../compare/report/phase-figures.js';
import { gib } from '../compare/report/plain-numbers.js';
import { PHASE_NOTE, phaseTable } from '../compare/report/phase-table.js';
import { streamingLines } from '../compare/report/weight-places.js';
import { stepMedian } from '../compare/statistics/medians.js';
import { variantKey } from '../contract/formats.js';
import type { RunDetail } from '../contract/run.js';
import {
  PUBLISHED_VARIANTS,
  QUANTIZED_COMPONENTS,
  type FormatChoice,
  type GenerateResult,
} from '../engine/protocol.js';
import { withHost, type PictureOptions } from './command-host.js';
import { addOptions, pictureOptions } from './run-options.js';
import { settingOptions } from './setting-options.js';
import { endProgress, formatTable, print, printJson } from './terminal.js';
import { variantOptions, type VariantOptions } from './variant-options.js';

interface BenchOptions extends VariantOptions, Omit<PictureOptions, 'prompt' | 'seed'> {
  readonly profile?: string;
  readonly json?: boolean;
}

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('Measure memory and time of several variants.')
    .requiredOption('--pack <folder>', 'model pack');
  variantOptions(command, PUBLISHED_VARIANTS, 'the published ones');
  return addOptions(command, ...settingOptions(['steps', 'width', 'height', 'modelVariant']), ...pictureOptions())
    .option('--profile <prefix>', "write the denoiser's per-node profile; steps are slower with it")
    .option('--json', 'print as JSON')
    .action(run);
}

/** Any embedding of unit length: memory and time do not depend on the face. */
const EMBEDDING = Array.from({ length: 512 }, (_, i) => Math.sin(1 + i) / 16);

interface Row {
  readonly formats: FormatChoice;
  readonly result: GenerateResult;
  readonly summary: ReturnType<typeof summarize>;
}

async function run(options: BenchOptions): Promise<void> {
  const results = new Map<string, GenerateResult>();
  const measuring = {
    embedding: EMBEDDING,
    request: {
      allowNotFinite: true,
      ...(options.profile === undefined ? {} : { profilePrefix: typedOutput(options.profile) }),
    },
    onMade: (run: RunDetail, result: GenerateResult) => void results.set(run.id, result),
  };
  const picture = { ...options, prompt: 'A man, portrait, cinematic', seed: 42 };
  const rows = await withHost(
    picture,
    measuring,
    async ({ services: { comparisons }, settings, made }): Promise<Row[]> => {
      const variants = options.configs ?? options.variants;
      const { comparisonId } = await comparisons.start(
        variants.map((formats) => ({ settings: { ...settings, formats }, repeat: 1 })),
      );
      return (await made(comparisonId)).flatMap((run) => {
        const result = results.get(run.id);
        return result === undefined ? [] : [{ formats: run.formats, result, summary: summarize(run, result) }];
      });
    },
  );
  endProgress();
  if (options.json === true) printJson(rows);
  else print(table(rows));
}

function summarize({ loadBytes, peakBytes }: RunDetail, result: GenerateResult) {
  const load = result.phases.find(({ phase }) => phase === 'load');
  return {
    load: loadBytes ?? 0,
    peak: peakBytes ?? 0,
    source: load?.deviceSource ?? load?.hostSource ?? 'none',
    phases: phaseFigures([result.phases]),
    secondsPerStep: stepMedian(result.stepSeconds) ?? 0,
    totalSeconds: result.totalSeconds,
    finite: result.notFiniteAtStep === undefined,
  };
}

/** In the form of the published table: load, peak, difference from the first row. */
function table(rows: readonly Row[]): string {
  const baseline = rows[0]?.summary;
  const lines = rows.map(({ formats, summary }) => {
    const delta = (summary.peak - (baseline?.peak ?? 0)) / 2 ** 30;
    return [
      ...QUANTIZED_COMPONENTS.map((component) => formats[component]),
      gib(summary.load),
      gib(summary.peak),
      `${delta > 0 ? '+' : ''}${delta.toFixed(2)}`,
      summary.secondsPerStep.toFixed(3),
      summary.totalSeconds.toFixed(1),
    ];
  });
  const phases = phaseTable(
    rows.map(({ formats, summary: { load, peak, phases: figures } }) => ({
      formats, loadBytes: load, peakBytes: peak, phases: figures,
    })),
  ); // prettier-ignore
  const notFinite = rows.filter(({ summary }) => !summary.finite);
  return [
    formatTable([['FLUX', 'T5', 'InfuseNet', 'load GiB', 'peak GiB', 'Δ peak', 's/step', 'total s'], ...lines]),
    `Memory: ${baseline?.source ?? ''}. Δ against the first row. s/step: the median of all steps but the first.`,
    formatTable([phases.head, ...phases.rows]),
    PHASE_NOTE,
    ...streamingLines(
      rows.map(({ formats, result }) => ({ name: variantKey(formats), weightPlaces: result.weightPlaces })),
    ),
    ...notFinite.map(
      ({ formats, result }) =>
        `${variantKey(formats)}: values were not finite from step ${result.notFiniteAtStep ?? 0} on. Memory and time are still valid; the picture is not.`,
    ),
  ].join('\n');
}
