/**
 * `bench`: memory and time of several configurations, each in a fresh engine process so that nothing of one is in the
 * figures of the next.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { openPack } from '../engine/pack/open-pack.js';
import {
  PUBLISHED_VARIANTS,
  QUANTIZED_COMPONENTS,
  type DecodeChoice,
  type FormatChoice,
  type GenerateRequest,
  type GenerateResult,
  type Provider,
} from '../engine/protocol.js';
import { configName, parseConfigs } from './format-configs.js';
import { stepMedian } from '../compare/statistics/medians.js';
import { phaseFigures } from '../compare/report/phase-figures.js';
import { PHASE_NOTE, phaseTable } from '../compare/report/phase-table.js';
import { memoryOfRun } from './run-figures.js';
import { integer } from './options.js';
import { cacheOption, decodeOption, deviceOption, providerOption } from './run-options.js';
import { runInEngine } from './run-in-engine.js';
import { endProgress, formatTable, print, printJson, showProgress } from './terminal.js';

interface BenchOptions {
  readonly pack: string;
  readonly configs: readonly FormatChoice[];
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
  return new Command('bench')
    .description('Measure memory and time of several configurations.')
    .requiredOption('--pack <folder>', 'model pack')
    .option(
      '--configs <list>',
      'FLUX/T5/InfuseNet formats, separated by commas; the first is the baseline',
      parseConfigs,
      PUBLISHED_VARIANTS,
    )
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

/** An embedding of unit length; likeness plays no part in memory and time. */
const EMBEDDING = Array.from({ length: 512 }, (_, i) => Math.sin(1 + i) / 16);

async function run(options: BenchOptions): Promise<void> {
  const pack = await openPack(options.pack);
  const folder = await mkdtemp(join(tmpdir(), 'likeness-lab-bench-'));
  const rows: { readonly formats: FormatChoice; readonly result: GenerateResult }[] = [];
  try {
    for (const formats of options.configs) {
      const params: GenerateRequest = {
        packPath: pack.root,
        cachePath: resolve(options.cache),
        provider: options.provider,
        deviceId: options.deviceId,
        decode: options.decode,
        formats,
        modelVariant: options.variant ?? [...pack.variants.keys()][0] ?? '',
        identity: { kind: 'embedding', values: EMBEDDING },
        controlImagePath: null,
        prompt: 'A man, portrait, cinematic',
        seed: 42,
        steps: options.steps ?? pack.defaults.steps,
        width: options.width ?? pack.defaults.width,
        height: options.height ?? pack.defaults.height,
        guidance: pack.defaults.guidance,
        conditioningScale: 1,
        start: 0,
        end: 1,
        outputPath: join(folder, 'bench.png'),
        previewDir: null,
        allowNotFinite: true,
        ...(options.profile === undefined ? {} : { profilePrefix: resolve(options.profile) }),
      };
      const result = await runInEngine((send) =>
        send({ kind: 'generate', params }, ({ fraction, message }) =>
          showProgress(fraction, `${configName(formats)}: ${message}`),
        ),
      );
      rows.push({ formats, result });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  endProgress();
  if (options.json === true) printJson(rows.map((row) => ({ ...row, summary: summarize(row.result) })));
  else print(table(rows));
}

function summarize(result: GenerateResult) {
  return {
    ...memoryOfRun(result),
    phases: phaseFigures([result.phases]),
    secondsPerStep: stepMedian(result.stepSeconds) ?? 0,
    totalSeconds: result.totalSeconds,
    finite: result.notFiniteAtStep === undefined,
  };
}

/** The published table's form: load, peak, difference against the first row. */
function table(rows: readonly { readonly formats: FormatChoice; readonly result: GenerateResult }[]): string {
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(2);
  const [first] = rows;
  const baseline = first === undefined ? 0 : summarize(first.result).peak;
  const lines = rows.map(({ formats, result }) => {
    const summary = summarize(result);
    const delta = (summary.peak - baseline) / 2 ** 30;
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
    rows.map(({ formats, result }) => {
      const { load, peak } = summarize(result);
      return { formats, loadBytes: load, peakBytes: peak, phases: phaseFigures([result.phases]) };
    }),
  );
  const source = first === undefined ? '' : summarize(first.result).source;
  const notFinite = rows.filter(({ result }) => result.notFiniteAtStep !== undefined);
  return [
    formatTable([['FLUX', 'T5', 'InfuseNet', 'load GiB', 'peak GiB', 'Δ peak', 's/step', 'total s'], ...lines]),
    `Memory: ${source}. Δ against the first row. s/step: the median of all steps but the first.`,
    formatTable([phases.head, ...phases.rows]),
    PHASE_NOTE,
    ...notFinite.map(
      ({ formats, result }) =>
        `${configName(formats)}: values were not finite from step ${result.notFiniteAtStep ?? 0} on. Memory and time do not depend on them; a picture does.`,
    ),
  ].join('\n');
}
