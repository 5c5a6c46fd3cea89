/** `layers`: errors of each weight format in the layers of a component: of the weights, and on request of the outputs. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { typedOutput } from '../services/support/writable-folder.js';
import { typedAbsolute } from '../disk/paths.js';
import { EngineClient } from '../services/engine/engine-client.js';
import { spawnEngine } from './command-host.js';
import { openPack, type Pack } from '../engine/pack/open-pack.js';
import {
  LOSSY_FORMATS,
  QUANTIZED_COMPONENTS,
  type EngineProgress,
  type GenerateRequest,
  type IdentityInput,
  type LoraChoice,
  type LoraLoss,
  type LossyFormat,
  type OutputErrors,
  type Provider,
  type QuantizedComponent,
  type WeightErrorsResult,
} from '../engine/protocol.js';
import { addOptions, cacheOption, deviceOption, identityOptions, providerOption } from './run-options.js';
import { noteLoras } from './lora-notes.js';
import { loraOption } from './lora-option.js';
import { readEmbedding } from './read-embedding.js';
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
    .description('Measure the error of each weight format in each layer of a component, without making a picture.')
    .requiredOption('--pack <folder>', 'model pack')
    .addOption(
      new Option('--component <name>', 'component').choices(QUANTIZED_COMPONENTS).default(QUANTIZED_COMPONENTS[2]),
    )
    .option('--outputs', 'also the errors of the layers’ outputs, on the activations of a 16-bit run')
    .option('--prompt <text>', 'prompt of the run', 'A man, portrait, cinematic');
  identityOptions(command, 'photo of the person in that run');
  const settings = settingOptions(['modelVariant', 'seed', 'steps']);
  return addOptions(command, ...settings, loraOption(), providerOption(), deviceOption(), cacheOption())
    .option('--json', 'print as JSON')
    .action(run);
}

/** @throws AppError engine.request-invalid, weights.* for an embedding file that does not fit */
async function identityOf({ identity, identityEmbedding, face }: LayersOptions): Promise<IdentityInput> {
  if (identity !== undefined) return { kind: 'image', path: typedAbsolute(identity), faceIndex: face };
  if (identityEmbedding === undefined) return { kind: 'none' };
  return { kind: 'embedding', values: await readEmbedding(identityEmbedding) };
}

/** A run in 16-bit, with the pack's settings where there is no option. */
async function measuredRun(options: LayersOptions, pack: Pack): Promise<GenerateRequest> {
  return {
    packPath: pack.root,
    cachePath: typedOutput(options.cache),
    provider: options.provider,
    deviceId: options.deviceId,
    formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
    ...chosenSettings(options, pack),
    identity: await identityOf(options),
    controlImagePath: null,
    loras: options.lora,
    // No picture is made.
    outputPath: join(tmpdir(), 'likeness-lab-layers.png'),
    previewDir: null,
  };
}

async function run(given: LayersOptions): Promise<void> {
  const { component, outputs: wantsOutputs = false, json } = given;
  const params = await measuredRun(given, await openPack(given.pack));
  await noteLoras(given.pack, given.lora);
  const { packPath, cachePath, modelVariant } = params;
  const engine = new EngineClient(spawnEngine);
  const options = {
    signal: interruptSignal(),
    onProgress: ({ fraction, message }: EngineProgress) => showProgress(fraction, message),
  };
  try {
    const weights = await engine.request<'weight-errors'>(
      { kind: 'weight-errors', params: { packPath, cachePath, modelVariant, component, loras: given.lora } },
      options,
    );
    const outputs = wantsOutputs
      ? await engine.request<'output-errors'>({ kind: 'output-errors', params: { run: params, component } }, options)
      : null;
    endProgress();
    const measured = outputs?.measured ?? null;
    if (json === true) printJson({ weights, outputs: measured });
    else print(describe(weights, measured));
  } finally {
    await engine.close();
  }
}

function describe(weights: WeightErrorsResult, outputs: OutputErrors | null): string {
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
      : [`Outputs: on sampled rows of the layers’ inputs in a run, measurement ${outputs.id}.`]),
    ...describeLoras(weights),
  ].join('\n');
}

/** What the formats keep of LoRAs, layer by layer. */
function describeLoras({ layers, loraOverall }: WeightErrorsResult): string[] {
  if (loraOverall === null) return [];
  const row = (name: string, stored: string, { size, lost }: Omit<LoraLoss, 'stored'>): string[] => [
    name,
    stored,
    percent(size),
    ...LOSSY_FORMATS.map((format) => percent(lost[format])),
  ];
  return [
    '',
    formatTable([
      ['layer', 'stored as', 'LoRAs', ...LOSSY_FORMATS.map((format) => `${format} loses`)],
      ...layers.flatMap(({ name, lora }) => (lora === null ? [] : [row(name, lora.stored, lora)])),
      row('all', '', loraOverall),
    ]),
    'LoRAs: their norm relative to the weights’. Loses: ‖encoded − (W + Δ)‖ / ‖Δ‖ of what they add; above 100 % the format’s error is larger than the LoRAs.',
  ];
}

function percent(value: number): string {
  return `${(100 * value).toFixed(2)} %`;
}
