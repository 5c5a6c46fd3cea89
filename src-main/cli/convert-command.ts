/** `convert`: converts a pack's weights ahead of a run. */
import { Command } from 'commander';
import { typedOutput } from '../services/support/writable-folder.js';
import { COMPONENT_NAMES, QUANTIZED_COMPONENTS } from '../contract/formats.js';
import { openPack } from '../engine/pack/open-pack.js';
import { conversionItems, convertPack } from '../engine/pipeline/packs/convert-pack.js';
import type { LoraChoice, Provider, WeightFormat } from '../engine/protocol.js';
import { noteLoras } from './lora-notes.js';
import { loraOption } from './lora-option.js';
import { addOptions, cacheOption, computeOption, deviceOption, formatOption, providerOption } from './run-options.js';
import { formatBytes } from '../services/support/byte-size.js';
import { endProgress, formatTable, interruptSignal, print, printJson, showProgress } from './terminal.js';

interface ConvertOptions {
  readonly flux: WeightFormat;
  readonly t5: WeightFormat;
  readonly infusenet: WeightFormat;
  readonly variant?: string;
  readonly lora: readonly LoraChoice[];
  readonly provider: Provider;
  readonly deviceId: number;
  readonly compute?: 'f32' | 'f16';
  readonly cache: string;
  readonly json?: boolean;
}

export function convertCommand(): Command {
  const command = new Command('convert')
    .description('Convert a pack’s weights to the given formats ahead of the first run.')
    .argument('<folder>', 'model pack')
    .option('--variant <name>', "InfiniteYou variant (default: the pack's first)")
    .option('--json', 'print as JSON')
    .action(run);
  const formats = QUANTIZED_COMPONENTS.map((component) => formatOption(component, COMPONENT_NAMES[component]));
  const place = [providerOption(), deviceOption(), computeOption(), cacheOption()];
  return addOptions(command, ...formats, loraOption(), ...place);
}

async function run(folder: string, options: ConvertOptions): Promise<void> {
  const pack = await openPack(folder);
  await noteLoras(folder, options.lora);
  const converted = await convertPack({
    pack,
    variant: options.variant ?? [...pack.variants.keys()][0] ?? '',
    items: conversionItems({ flux: options.flux, t5: options.t5, infusenet: options.infusenet }),
    provider: options.provider,
    deviceId: options.deviceId,
    cacheDir: typedOutput(options.cache),
    loras: options.lora,
    ...(options.compute === undefined ? {} : { compute: options.compute }),
    signal: interruptSignal(),
    onConvert: (_index, label, format, fraction) => showProgress(fraction, `${label} to ${format}`),
  });
  endProgress();
  if (options.json === true) {
    printJson(converted);
    return;
  }
  const rows = converted.map(({ component, format, file, bytes, seconds }) => [
    component,
    format,
    file ?? 'read in place',
    formatBytes(bytes),
    `${seconds.toFixed(2)} s`,
  ]);
  print(formatTable([['component', 'format', 'file', 'size', 'time'], ...rows]));
}
