/**
 * `generate`: one picture.
 */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { stepMedian } from '../compare/statistics/medians.js';
import { openPack } from '../engine/pack/open-pack.js';
import {
  WEIGHT_FORMATS,
  type ComponentFormat,
  type DecodeChoice,
  type GenerateRequest,
  type GenerateResult,
  type LoraChoice,
  type Provider,
} from '../engine/protocol.js';
import { parseFormat } from './format-configs.js';
import { generateTwice } from './generate-twice.js';
import { identityInput } from './identity-input.js';
import { loraOption } from './lora-option.js';
import { integer, number, STAGE_SHARE } from './options.js';
import { runInEngine } from './run-in-engine.js';
import { cacheOption, decodeOption, deviceOption, providerOption } from './run-options.js';
import { formatBytes } from '../services/support/byte-size.js';
import { endProgress, formatTable, interruptSignal, print, printJson, showProgress } from './terminal.js';

interface GenerateOptions {
  readonly pack: string;
  readonly identity?: string;
  readonly identityEmbedding?: string;
  readonly face: number;
  readonly prompt: string;
  readonly seed: number;
  readonly steps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly guidance?: number;
  readonly conditioningScale: number;
  readonly start: number;
  readonly end: number;
  readonly control?: string;
  readonly variant?: string;
  readonly lora: readonly LoraChoice[];
  readonly flux: ComponentFormat;
  readonly t5: ComponentFormat;
  readonly infusenet: ComponentFormat;
  readonly provider: Provider;
  readonly deviceId: number;
  readonly decode: DecodeChoice;
  readonly cache: string;
  readonly previews?: string;
  readonly out: string;
  readonly json?: boolean;
}

/** A weight format, or a mix within a budget. */
function choiceOption(flag: string, what: string): Option {
  return new Option(`--${flag} <format>`, `weight format of ${what}: ${WEIGHT_FORMATS.join(', ')}, or auto-MiB`)
    .argParser(parseFormat)
    .default('16-bit');
}

export function generateCommand(): Command {
  return new Command('generate')
    .description('Make one picture.')
    .requiredOption('--pack <folder>', 'model pack')
    .requiredOption('--prompt <text>', 'what the picture shows')
    .requiredOption('--out <file>', 'PNG to write')
    .option('--identity <image>', 'photo of the person; without it and an embedding FLUX runs alone')
    .option(
      '--identity-embedding <file>',
      'embedding instead of a photo: JSON array, raw little-endian f32, or safetensors',
    )
    .option('--face <index>', 'which face of the photo, largest first', integer('--face', 0, 1000), 0)
    .option('--seed <n>', 'seed, 0 to 4294967295', integer('--seed', 0, 2 ** 32 - 1), 42)
    .option('--steps <n>', "denoising steps (default: the pack's)", integer('--steps', 1, 1000))
    .option('--width <px>', "width, a multiple of 16 (default: the pack's)", integer('--width', 16, 8192))
    .option('--height <px>', "height, a multiple of 16 (default: the pack's)", integer('--height', 16, 8192))
    .option('--guidance <x>', "guidance (default: the pack's)", number('--guidance', 0, 100))
    .option('--conditioning-scale <x>', 'strength of InfuseNet', number('--conditioning-scale', 0, 10), 1)
    .option('--start <x>', 'fraction of the steps at which InfuseNet begins', number('--start', 0, 1), 0)
    .option('--end <x>', 'fraction of the steps at which InfuseNet stops', number('--end', 0, 1), 1)
    .option('--control <image>', 'photo whose face gives the pose')
    .option('--variant <name>', "InfiniteYou variant, such as aes_stage2 (default: the pack's first)")
    .addOption(loraOption())
    .addOption(choiceOption('flux', 'FLUX'))
    .addOption(choiceOption('t5', 'T5'))
    .addOption(choiceOption('infusenet', 'InfuseNet'))
    .addOption(providerOption())
    .addOption(deviceOption())
    .addOption(decodeOption())
    .addOption(cacheOption())
    .option('--previews <folder>', 'write a small picture after each step')
    .option('--json', 'print the result as JSON')
    .action(run);
}

async function run(options: GenerateOptions): Promise<void> {
  const pack = await openPack(options.pack);
  const params: GenerateRequest = {
    packPath: pack.root,
    cachePath: resolve(options.cache),
    provider: options.provider,
    deviceId: options.deviceId,
    decode: options.decode,
    formats: { flux: options.flux, t5: options.t5, infusenet: options.infusenet },
    modelVariant: options.variant ?? [...pack.variants.keys()][0] ?? '',
    identity: await identityInput(options),
    controlImagePath: options.control === undefined ? null : resolve(options.control),
    prompt: options.prompt,
    seed: options.seed,
    steps: options.steps ?? pack.defaults.steps,
    width: options.width ?? pack.defaults.width,
    height: options.height ?? pack.defaults.height,
    guidance: options.guidance ?? pack.defaults.guidance,
    conditioningScale: options.conditioningScale,
    start: options.start,
    end: options.end,
    outputPath: resolve(options.out),
    previewDir: options.previews === undefined ? null : resolve(options.previews),
    loras: options.lora,
  };
  const { result, ranOut } = await runInEngine(
    (_send, engine) =>
      generateTwice(engine, params, ({ stage, fraction, message }) => {
        const [from, share] = STAGE_SHARE[stage];
        showProgress(from + share * fraction, message);
      }),
    interruptSignal(),
  );
  endProgress();
  if (options.json === true) printJson({ ...result, ranOut });
  else print(describe(result));
}

function describe(result: GenerateResult): string {
  const memory = (bytes: number | null) => (bytes === null ? '–' : formatBytes(bytes));
  const rows = result.phases.map((phase) => [
    phase.phase,
    `${phase.seconds.toFixed(2)} s`,
    memory(phase.weightBytes),
    memory(phase.devicePeakBytes),
    memory(phase.hostPeakBytes),
  ]);
  return [
    `${result.outputPath} (${result.width}×${result.height}, ${result.provider}, ${result.computeDtype})`,
    formatTable([['phase', 'time', 'weights', 'device peak', 'host peak'], ...rows]),
    `${result.stepSeconds.length} steps of ${(stepMedian(result.stepSeconds) ?? 0).toFixed(3)} s, ${result.totalSeconds.toFixed(2)} s in all`,
    `decoded ${result.decode.mode === 'tiles' ? `in ${result.decode.tiles} tiles` : 'whole'} (${result.decode.reason})`,
    ...identityLines(result),
  ].join('\n');
}

const SECOND: Readonly<Record<NonNullable<GenerateResult['secondEncoder']>, string | null>> = {
  used: null,
  absent: 'no second encoder in the pack: the score is by the network that conditioned the picture, which is circular',
  'same-file': 'no second encoder: the file that the pack names is the one that conditions',
  'no-photo': 'the second encoder reads photos only, not embeddings',
};

/** A line by encoder, and why there is no second one. */
function identityLines({ faceScores, identityState, secondEncoder }: GenerateResult): string[] {
  const scores = faceScores.flatMap(({ encoder, conditioned, score }) =>
    score === null
      ? []
      : [`identity: ${score.toFixed(4)} (cosine by ${encoder}, which ${conditioned ? 'conditioned it' : 'did not'})`],
  );
  if (scores.length === 0) return [`identity: not scored (${identityState})`];
  const second = secondEncoder === null ? null : SECOND[secondEncoder];
  return second === null ? scores : [...scores, second];
}
