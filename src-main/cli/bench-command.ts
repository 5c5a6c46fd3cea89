/**
 * `bench`: memory and time of several variants, each in a fresh engine process so that nothing of one is in the figures of
 * the next.
 */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { phaseFigures } from '../compare/report/phase-figures.js';
import { PHASE_NOTE, phaseTable } from '../compare/report/phase-table.js';
import { stepMedian } from '../compare/statistics/medians.js';
import { variantKey } from '../contract/formats.js';
import type { RunDetail } from '../contract/run.js';
import {
  PUBLISHED_VARIANTS,
  QUANTIZED_COMPONENTS,
  type DecodeChoice,
  type FormatChoice,
  type GenerateResult,
  type Provider,
} from '../engine/protocol.js';
import { withHost } from './command-host.js';
import { integer } from './options.js';
import { cacheOption, decodeOption, deviceOption, providerOption } from './run-options.js';
import { endProgress, formatTable, print, printJson } from './terminal.js';
import { variantOptions, type VariantOptions } from './variant-options.js';

interface BenchOptions extends VariantOptions {
  readonly pack: string;
  readonly steps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly variant?: string;
  readonly provider: Provider;
  readonly deviceId: number;
  readonly decode: DecodeChoice;
  readonly cache: string;
  readonly profile?: string;
  readonly json?: boolean;
}

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('Measure memory and time of several variants.')
    .requiredOption('--pack <folder>', 'model pack');
  return variantOptions(command, PUBLISHED_VARIANTS, 'the published ones')
    .option('--steps <n>', "denoising steps (default: the pack's)", integer('--steps', 1, 1000))
    .option('--width <px>', "width (default: the pack's)", integer('--width', 16, 8192))
    .option('--height <px>', "height (default: the pack's)", integer('--height', 16, 8192))
    .option('--variant <name>', "InfiniteYou variant (default: the pack's first)")
    .addOption(providerOption())
    .addOption(deviceOption())
    .addOption(decodeOption())
    .addOption(cacheOption())
    .option('--profile <prefix>', "write the denoiser's per-node profile; steps are slower with it")
    .option('--json', 'print as JSON')
    .action(run);
}

/** An embedding of unit length; whose face it is plays no part in memory and time. */
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
      ...(options.profile === undefined ? {} : { profilePrefix: resolve(options.profile) }),
    },
    onMade: (made: RunDetail, result: GenerateResult) => void results.set(made.id, result),
  };
  const rows = await withHost({ ...options, measuring }, async ({ services, packId, made }): Promise<Row[]> => {
    const { packs, comparisons, settings } = services;
    const { provider, deviceId, decode } = options;
    settings.set({ deviceId });
    const { defaults, modelVariants } = await packs.usable(packId);
    const shared = {
      packId,
      provider,
      ...settings.device(provider),
      modelVariant: options.variant ?? modelVariants[0] ?? '',
      identityId: null,
      faceIndex: 0,
      poseId: null,
      prompt: 'A man, portrait, cinematic',
      seed: 42,
      steps: options.steps ?? defaults.steps,
      width: options.width ?? defaults.width,
      height: options.height ?? defaults.height,
      guidance: defaults.guidance,
      conditioningScale: 1,
      start: 0,
      end: 1,
      loras: [],
      ...(decode === 'auto' ? {} : { decode }),
    };
    const cells = (options.configs ?? options.variants).map((formats) => ({
      settings: { ...shared, formats },
      repeat: 1,
    }));
    const { comparisonId } = await comparisons.start(cells);
    return (await made(comparisonId)).flatMap((picture) => {
      const result = results.get(picture.id);
      return result === undefined ? [] : [{ formats: picture.formats, result, summary: summarize(picture, result) }];
    });
  });
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

/** The published table's form: load, peak, difference against the first row. */
function table(rows: readonly Row[]): string {
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(2);
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
    ...notFinite.map(
      ({ formats, result }) =>
        `${variantKey(formats)}: values were not finite from step ${result.notFiniteAtStep ?? 0} on. Memory and time do not depend on them; a picture does.`,
    ),
  ].join('\n');
}
