/**
 * `layers`: what each weight format does to the layers of a component: to their weights, and on request to what comes
 * out of them in a run.
 */
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { openPack, type Pack } from '../engine/pack/open-pack.js';
import {
  LOSSY_FORMATS,
  QUANTIZED_COMPONENTS,
  type GenerateRequest,
  type LoraChoice,
  type LossyFormat,
  type OutputErrors,
  type Provider,
  type QuantizedComponent,
  type WeightErrorsResult,
} from '../engine/protocol.js';
import { cacheOption, deviceOption, providerOption } from './run-options.js';
import { identityInput } from './identity-input.js';
import { loraOption } from './lora-option.js';
import { integer } from './options.js';
import { runInEngine } from './run-in-engine.js';
import { chosenSettings, settingOptions, type SettingOptions } from './setting-options.js';
import { endProgress, formatTable, interruptSignal, print, printJson, showProgress } from './terminal.js';

interface LayersOptions extends SettingOptions {
  readonly pack: string;
  readonly component: QuantizedComponent;
  readonly outputs?: boolean;
  readonly identity?: string;
  readonly identityEmbedding?: string;
  readonly face: number;
  readonly lora: readonly LoraChoice[];
  readonly provider: Provider;
  readonly deviceId: number;
  readonly cache: string;
  readonly json?: boolean;
}

export function layersCommand(): Command {
  const command = new Command('layers')
    .description('Measure what each weight format does to each layer of a component, before any picture is made.')
    .requiredOption('--pack <folder>', 'model pack')
    .addOption(
      new Option('--component <name>', 'whose layers').choices(QUANTIZED_COMPONENTS).default(QUANTIZED_COMPONENTS[2]),
    )
    .option('--outputs', 'also the error of what comes out of the layers, on the activations of a 16-bit run')
    .option('--identity <image>', 'photo of the person in that run')
    .option(
      '--identity-embedding <file>',
      'embedding instead of a photo: JSON array, raw little-endian f32, or safetensors',
    )
    .option('--face <index>', 'which face of the photo, largest first', integer('--face', 0, 1000), 0)
    .option('--prompt <text>', 'what the run shows', 'A man, portrait, cinematic');
  for (const option of settingOptions(['modelVariant', 'seed', 'steps'])) command.addOption(option);
  return command
    .addOption(loraOption())
    .addOption(providerOption())
    .addOption(deviceOption())
    .addOption(cacheOption())
    .option('--json', 'print as JSON')
    .action(run);
}

/** A run in 16-bit with the pack's own settings where options say nothing. */
async function measuredRun(options: LayersOptions, pack: Pack): Promise<GenerateRequest> {
  return {
    packPath: pack.root,
    cachePath: resolve(options.cache),
    provider: options.provider,
    deviceId: options.deviceId,
    formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
    ...chosenSettings(options, pack),
    identity: await identityInput(options),
    controlImagePath: null,
    loras: options.lora,
    // No picture is made.
    outputPath: join(tmpdir(), 'likeness-lab-layers.png'),
    previewDir: null,
  };
}

async function run(options: LayersOptions): Promise<void> {
  const pack = await openPack(options.pack);
  const { component } = options;
  const params = await measuredRun(options, pack);
  const { packPath, cachePath, modelVariant } = params;
  const [weights, outputs] = await runInEngine(async (send) => {
    const onProgress = ({ fraction, message }: { readonly fraction: number; readonly message: string }): void => {
      showProgress(fraction, message);
    };
    const request = { packPath, cachePath, modelVariant, component };
    return [
      await send({ kind: 'weight-errors', params: request }, onProgress),
      options.outputs === true
        ? (await send({ kind: 'output-errors', params: { run: params, component } }, onProgress)).measured
        : null,
    ] as const;
  }, interruptSignal());
  endProgress();
  if (options.json === true) printJson({ weights, outputs });
  else print(describe(weights, outputs));
}

function describe(weights: WeightErrorsResult, outputs: OutputErrors | null): string {
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  const cells = (errors: Readonly<Record<LossyFormat, number>> | undefined): string[] =>
    LOSSY_FORMATS.map((format) => (errors === undefined ? '' : percent(errors[format])));
  const byName = new Map(outputs?.layers.map((layer) => [layer.name, layer]));
  const row = (name: string, ...errors: (Readonly<Record<LossyFormat, number>> | undefined)[]): string[] => [
    name,
    ...errors.flatMap(cells),
  ];
  const both = (own: Readonly<Record<LossyFormat, number>>, out: Readonly<Record<LossyFormat, number>> | undefined) =>
    outputs === null ? [own] : [own, out];
  return [
    formatTable([
      [
        'layer',
        ...LOSSY_FORMATS.map((format) => `${format} weights`),
        ...(outputs === null ? [] : LOSSY_FORMATS.map((format) => `${format} output`)),
      ],
      ...weights.layers.map(({ name, errors }) => row(name, ...both(errors, byName.get(name)?.errors))),
      row('all', ...both(weights.overall, outputs?.overall)),
    ]),
    ...(outputs === null
      ? []
      : [`Outputs: on sampled rows of what the layers read in a run, measurement ${outputs.id}.`]),
  ].join('\n');
}
