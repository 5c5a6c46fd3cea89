/** `generate`: one picture. */
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import { streamingPhrase } from '../compare/report/weight-places.js';
import { present, stepMedian } from '../compare/statistics/medians.js';
import type { RunDetail } from '../contract/run.js';
import { COMPONENT_NAMES, QUANTIZED_COMPONENTS, WEIGHT_FORMATS, type ComponentFormat } from '../contract/formats.js';
import type { GenerateResult } from '../engine/protocol.js';
import { parseFormat } from './variant-options.js';
import { withHost, type PictureOptions } from './command-host.js';
import { loraOption } from './lora-option.js';
import { addOptions, identityOptions, pictureOptions } from './run-options.js';
import { settingOptions } from './setting-options.js';
import { copyPicture, requireOutputFile, requireWritable, typedOutput } from '../services/support/writable-folder.js';
import { formatBytes } from '../services/support/byte-size.js';
import { endProgress, formatTable, print, printJson } from './terminal.js';

interface GenerateOptions extends PictureOptions {
  readonly flux: ComponentFormat;
  readonly t5: ComponentFormat;
  readonly infusenet: ComponentFormat;
  readonly previews?: string;
  readonly out: string;
  readonly json?: boolean;
}

function choiceOption(flag: string, what: string): Option {
  return new Option(`--${flag} <format>`, `weight format of ${what}: ${WEIGHT_FORMATS.join(', ')}, or auto-MiB`)
    .argParser(parseFormat)
    .default('16-bit');
}

export function generateCommand(): Command {
  const command = new Command('generate')
    .description('Make one picture.')
    .requiredOption('--pack <folder>', 'model pack')
    .requiredOption('--prompt <text>', 'prompt of the picture')
    .requiredOption('--out <file>', 'PNG to write')
    .option('--control <image>', 'photo whose face gives the pose');
  identityOptions(command, 'photo of the person; without it and an embedding FLUX runs alone');
  const formats = QUANTIZED_COMPONENTS.map((component) => choiceOption(component, COMPONENT_NAMES[component]));
  return addOptions(command, ...settingOptions(), loraOption(), ...formats, ...pictureOptions())
    .option('--previews <folder>', 'write a small picture after each step')
    .option('--json', 'print the result as JSON')
    .action(run);
}

async function run(options: GenerateOptions): Promise<void> {
  const outputPath = typedOutput(options.out);
  await requireWritable(dirname(outputPath));
  await requireOutputFile(outputPath);
  const formats = { flux: options.flux, t5: options.t5, infusenet: options.infusenet };
  const results: GenerateResult[] = [];
  const measuring = {
    request: { previewDir: options.previews === undefined ? null : typedOutput(options.previews) },
    onMade: async (_run: RunDetail, result: GenerateResult) => {
      await copyPicture(result.outputPath, outputPath);
      results.push({ ...result, outputPath });
    },
  };
  const [run] = await withHost(options, measuring, async ({ services: { comparisons }, settings, made }) => {
    const { comparisonId } = await comparisons.start([{ settings: { ...settings, formats }, repeat: 1 }]);
    return made(comparisonId);
  });
  endProgress();
  const [result] = results;
  if (result === undefined) throw new Error('Invariant violated: a picture that was made has a result');
  if (options.json === true) printJson({ ...result, ranOut: run?.retry ?? null });
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
    ...present([streamingPhrase(result.weightPlaces)]),
    ...identityLines(result),
  ].join('\n');
}

const SECOND: Readonly<Record<NonNullable<GenerateResult['secondEncoder']>, string | null>> = {
  used: null,
  absent: 'the pack has no second encoder: the only score is by the encoder that conditioned the picture',
  'same-file': 'no second encoder: the pack names the file of the conditioning encoder',
  'no-photo': 'the second encoder reads photos only, not embeddings',
};

/** One line per encoder, and the reason when there is no second one. */
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
