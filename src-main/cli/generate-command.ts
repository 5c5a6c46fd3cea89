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
import { parseFormat } from './variant-options.js';
import { generateTwice } from './generate-twice.js';
import { identityInput } from './identity-input.js';
import { loraOption } from './lora-option.js';
import { integer, STAGE_SHARE } from './options.js';
import { runInEngine } from './run-in-engine.js';
import { cacheOption, decodeOption, deviceOption, providerOption } from './run-options.js';
import { chosenSettings, settingOptions, type SettingOptions } from './setting-options.js';
import { formatBytes } from '../services/support/byte-size.js';
import { endProgress, formatTable, interruptSignal, print, printJson, showProgress } from './terminal.js';

interface GenerateOptions extends SettingOptions {
  readonly pack: string;
  readonly identity?: string;
  readonly identityEmbedding?: string;
  readonly face: number;
  readonly control?: string;
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
  const command = new Command('generate')
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
    .option('--control <image>', 'photo whose face gives the pose');
  for (const option of settingOptions()) command.addOption(option);
  return command
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
    ...chosenSettings(options, pack),
    identity: await identityInput(options),
    controlImagePath: options.control === undefined ? null : resolve(options.control),
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
  const scores = faceScores.flatMap(({ encoder, conditioned, identityScore: score }) =>
    score === null
      ? []
      : [`identity: ${score.toFixed(4)} (cosine by ${encoder}, which ${conditioned ? 'conditioned it' : 'did not'})`],
  );
  if (scores.length === 0) return [`identity: not scored (${identityState})`];
  const second = secondEncoder === null ? null : SECOND[secondEncoder];
  return second === null ? scores : [...scores, second];
}
