/**
 * `bench`: memory and time of several configurations, each in a fresh engine process so that nothing of one is in the
 * figures of the next.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { AppError } from '../base/app-error.js';
import { ENGINE_ENV, ENGINE_EXEC_ARGV } from '../base/engine-process.js';
import { entryFile } from '../base/entry-file.js';
import { openPack } from '../engine/pack/open-pack.js';
import {
  QUANTIZED_COMPONENTS,
  WEIGHT_FORMATS,
  type FormatChoice,
  type FromEngine,
  type GenerateRequest,
  type GenerateResult,
  type Provider,
  type ToEngine,
  type WeightFormat,
} from '../engine/protocol.js';
import { cacheOption, providerOption } from './generate-command.js';
import { integer } from './options.js';
import { endProgress, formatTable, print, printJson, showProgress } from './terminal.js';

interface BenchOptions {
  readonly pack: string;
  readonly configs: readonly FormatChoice[];
  readonly steps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly variant?: string;
  readonly provider: Provider;
  readonly cache: string;
  readonly json?: boolean;
}

/** FLUX, T5, InfuseNet: the rows of the published table and the corners around them. */
const DEFAULT_CONFIGS = '16-bit/16-bit/16-bit,int8/int8/16-bit,int8/int8/int8,int8/int8/nf4,nf4/nf4/nf4';

export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure memory and time of several configurations.')
    .requiredOption('--pack <folder>', 'model pack')
    .option(
      '--configs <list>',
      'FLUX/T5/InfuseNet formats, separated by commas; the first is the baseline',
      parseConfigs,
      parseConfigs(DEFAULT_CONFIGS),
    )
    .option('--steps <n>', "denoising steps (default: the pack's)", integer('--steps', 1, 1000))
    .option('--width <px>', "width (default: the pack's)", integer('--width', 16, 8192))
    .option('--height <px>', "height (default: the pack's)", integer('--height', 16, 8192))
    .option('--variant <name>', "InfiniteYou variant (default: the pack's first)")
    .addOption(providerOption())
    .addOption(cacheOption())
    .option('--json', 'print as JSON')
    .action(run);
}

function isFormat(text: string | undefined): text is WeightFormat {
  return WEIGHT_FORMATS.some((format) => format === text);
}

function parseConfigs(text: string): FormatChoice[] {
  return text.split(',').map((config) => {
    const [flux, t5, infusenet, ...rest] = config.trim().split('/');
    if (!isFormat(flux) || !isFormat(t5) || !isFormat(infusenet) || rest.length > 0) {
      throw new InvalidArgumentError(
        `"${config}" is not FLUX/T5/InfuseNet formats out of ${WEIGHT_FORMATS.join(', ')}.`,
      );
    }
    return { flux, t5, infusenet };
  });
}

/** An embedding of unit length; likeness plays no part in memory and time. */
const EMBEDDING = Array.from({ length: 512 }, (_, i) => Math.sin(1 + i) / 16);

async function run(options: BenchOptions): Promise<void> {
  const pack = await openPack(options.pack);
  const folder = await mkdtemp(join(tmpdir(), 'likeness-lab-bench-'));
  const rows: { readonly formats: FormatChoice; readonly result: GenerateResult }[] = [];
  try {
    for (const formats of options.configs) {
      const result = await runInEngine(
        {
          packPath: pack.root,
          cachePath: resolve(options.cache),
          provider: options.provider,
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
        },
        (fraction, message) => showProgress(fraction, `${configName(formats)}: ${message}`),
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

/** One request in an engine process of its own. @throws AppError of the engine, engine.crashed */
async function runInEngine(
  params: GenerateRequest,
  onProgress: (fraction: number, message: string) => void,
): Promise<GenerateResult> {
  const child = fork(entryFile('engine'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...ENGINE_ENV },
    execArgv: [...ENGINE_EXEC_ARGV],
  });
  const id = 'bench';
  try {
    return await new Promise<GenerateResult>((resolvePromise, reject) => {
      child.on('message', (message: FromEngine) => {
        switch (message.type) {
          case 'ready':
            child.send({ type: 'request', id, request: { kind: 'generate', params } } satisfies ToEngine);
            break;
          case 'progress':
            onProgress(message.progress.fraction, message.progress.message);
            break;
          case 'result':
            if (message.result.kind === 'generate') resolvePromise(message.result);
            break;
          case 'error':
            reject(AppError.fromDto(message.error));
            break;
          case 'cancelled':
            reject(new Error('Invariant violated: nobody cancelled the benchmark'));
        }
      });
      child.once('exit', (code, signal) => {
        reject(
          new AppError('engine.crashed', `The engine process ended with ${signal ?? `code ${String(code)}`}.`, {
            remedy: 'Memory may have run out. Try smaller formats.',
          }),
        );
      });
    });
  } finally {
    child.removeAllListeners('exit');
    child.kill();
  }
}

interface Summary {
  /** Bytes on the device, or of the process where there is no device. */
  readonly load: number;
  readonly peak: number;
  readonly secondsPerStep: number;
  readonly totalSeconds: number;
  readonly source: string;
}

function summarize(result: GenerateResult): Summary {
  const load = result.phases.find(({ phase }) => phase === 'load');
  const device = load?.deviceEndBytes ?? null;
  const sorted = [...result.stepSeconds].sort((a, b) => a - b);
  return {
    load: device ?? load?.hostEndBytes ?? 0,
    peak: Math.max(...result.phases.map((phase) => phase.devicePeakBytes ?? phase.hostPeakBytes)),
    secondsPerStep: sorted[Math.floor(sorted.length / 2)] ?? 0,
    totalSeconds: result.totalSeconds,
    source: load?.deviceSource ?? load?.hostSource ?? 'none',
  };
}

function configName({ flux, t5, infusenet }: FormatChoice): string {
  return `${flux}/${t5}/${infusenet}`;
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
  const source = first === undefined ? '' : summarize(first.result).source;
  return [
    formatTable([['FLUX', 'T5', 'InfuseNet', 'load GiB', 'peak GiB', 'Δ peak', 's/step', 'total s'], ...lines]),
    `Memory: ${source}. Δ against the first row.`,
  ].join('\n');
}
