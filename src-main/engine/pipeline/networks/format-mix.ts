/** Resolves a choice of format for a component's linears: one format, or a mix within a budget. */
import { AppError } from '../../../base/app-error.js';
import { parseAutoFormat, type AutoFormat } from '../../../base/auto-format.js';
import { fingerprint } from '../../convert/fingerprint.js';
import {
  AS_FILE,
  type ComponentFormat,
  type LinearFormat,
  type OutputErrors,
  type QuantizedComponent,
  type WeightFormat,
} from '../../protocol.js';
import { mixFormats, type FormatMix, type LinearFormats, type MixLayer } from '../../quant/mix-formats.js';
import { bytesPerFormat } from '../memory/component-sizes.js';
import { keptJson } from './kept-json.js';
import { outputErrorsFile } from '../quantization-errors/output-errors-file.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import { layoutOf } from '../../weights/tensor-source.js';
import { weightErrorsOf, type WeightErrorsOptions } from '../quantization-errors/weight-errors.js';

const MIB = 2 ** 20;

export interface ResolvedFormat {
  /** Format of linears that are not in the mix. */
  readonly format: WeightFormat;
  readonly mix?: LinearFormats;
  /** Bytes of all the component's weights in a mix, at most its budget. */
  readonly bytes?: number;
}

/** @throws errors of `resolveMix` */
export async function resolveFormat(
  component: QuantizedComponent,
  format: ComponentFormat,
  network: PackNetwork<unknown>,
  options: WeightErrorsOptions & { readonly cachePath: string },
): Promise<ResolvedFormat> {
  if (format === AS_FILE) return asFile(network);
  if (!isAuto(format)) return { format };
  return { format: '16-bit', ...(await resolveMix(component, format, network, options)) };
}

/**
 * The name of a mix gives its errors: the weights', measured if not kept, or the outputs' in a kept measurement. The
 * same name and weights give the same mix.
 *
 * @throws AppError engine.request-invalid for a budget that is too small or a measurement that is not kept; errors of
 * measuring the weights
 */
export async function resolveMix(
  component: QuantizedComponent,
  format: AutoFormat,
  network: PackNetwork<unknown>,
  options: WeightErrorsOptions & { readonly cachePath: string },
): Promise<{ readonly mix: FormatMix; readonly bytes: number }> {
  const choice = parseAutoFormat(format);
  if (choice === null) throw notAMix(format);
  const layers =
    choice.measurement === null
      ? (await weightErrorsOf(component, network, options)).layers
      : await measuredLayers(component, network, options.cachePath, choice.measurement);
  const linears = layers.reduce((sum, { shape: [n, k] }) => sum + n * k, 0);
  // Includes weights that stay in 16-bit in every format.
  const fixed = bytesPerFormat(component, network)['16-bit'] - 2 * linears;
  return mixFormats(layers, choice.budgetMiB * MIB, { label: network.label, fixedBytes: fixed });
}

/** Every packed weight in its own form. Others are in 16-bit, as in their file. */
function asFile({ source }: PackNetwork<unknown>): ResolvedFormat {
  const packed = [...source.entries.values()].filter((entry) => layoutOf(entry) !== null);
  return packed.length === 0
    ? { format: '16-bit' }
    : { format: '16-bit', mix: new Map(packed.map(({ name }) => [name, AS_FILE])) };
}

function isAuto(format: ComponentFormat): format is Exclude<ComponentFormat, LinearFormat> {
  return format.startsWith('auto-');
}

async function measuredLayers(
  component: QuantizedComponent,
  { source, include, label }: PackNetwork<unknown>,
  cachePath: string,
  measurement: string,
): Promise<readonly MixLayer[]> {
  const weights = await fingerprint(source, include);
  const kept = await keptJson<OutputErrors>(outputErrorsFile(cachePath, component, weights, measurement));
  if (kept !== null) return kept.layers;
  throw new AppError(
    'engine.request-invalid',
    `The errors of ${label}'s outputs for this mix (measurement ${measurement}) are not kept for these weights.`,
    {
      remedy: 'Measure them again in the layer view of the picture on which they were measured, or choose another mix.',
    },
  );
}

function notAMix(format: string): AppError {
  return new AppError('engine.request-invalid', `"${format}" is neither a format nor a mix within a budget.`, {
    remedy: 'Write a mix as auto- and its MiB, such as auto-3500.',
  });
}
