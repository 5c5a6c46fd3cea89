/**
 * The relative error of each format in a component's weights, layer by layer, without making a picture. Kept in the
 * cache beside the converted weights.
 */
import { join } from 'node:path';
import { fingerprint } from '../../convert/fingerprint.js';
import { openPack } from '../../pack/open-pack.js';
import {
  LOSSY_FORMATS,
  type LoraLoss,
  type QuantizedComponent,
  type WeightErrorsRequest,
  type WeightErrorsResult,
} from '../../protocol.js';
import { openComponent } from '../packs/convert-pack.js';
import { keptJson, keepJson } from '../networks/kept-json.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import {
  layerErrors,
  noErrors,
  quantizedLinears,
  relative,
  type LayerError,
  type LayerErrorsOptions,
} from './layer-errors.js';
import { LoraLossMeasure } from './lora-loss.js';

/** Raised when the numbers change. */
const CACHE_VERSION = 4;

export type WeightErrorsOptions = Omit<LayerErrorsOptions, 'inputsOf'>;

/** @throws AppError pack.*, weights.*, quant.invalid-input; AbortError */
export async function weightErrors(
  request: WeightErrorsRequest,
  options: WeightErrorsOptions = {},
): Promise<WeightErrorsResult> {
  const { component, cachePath, modelVariant, loras = [] } = request;
  const pack = await openPack(request.packPath);
  const { signal } = options;
  const source = { pack, variant: modelVariant, loras, ...(signal === undefined ? {} : { signal }) };
  const network = await openComponent(source, component);
  try {
    return await weightErrorsOf(component, network, { ...options, cachePath });
  } finally {
    await network.source.close();
  }
}

/** For an open network. @throws AppError weights.*, quant.invalid-input; AbortError */
export async function weightErrorsOf(
  component: QuantizedComponent,
  network: PackNetwork<unknown>,
  { cachePath, ...options }: WeightErrorsOptions & { readonly cachePath: string },
): Promise<WeightErrorsResult> {
  const identity = await fingerprint(network.source, network.include);
  const file = join(cachePath, `${component}.weight-errors.${identity}.v${CACHE_VERSION}.json`);
  const kept = await keptJson<WeightErrorsResult>(file);
  if (kept !== null) return kept;
  const layers = await layerErrors(quantizedLinears(component, network), network.source, options);
  const totals = noErrors();
  const loras = new LoraLossMeasure();
  let squares = 0;
  for (const layer of layers) {
    squares += layer.squares;
    if (layer.lora !== null) loras.addMeasure(layer.lora.measure, layer.lora.share);
    for (const format of LOSSY_FORMATS) totals[format] += layer.errors[format] ** 2 * layer.squares;
  }
  const result: WeightErrorsResult = {
    kind: 'weight-errors',
    component,
    layers: layers.map(({ name, shape, errors, lora }) => ({ name, shape, errors, lora: lossOf(lora) })),
    overall: relative(totals, squares),
    loraOverall: loras.result(),
  };
  await keepJson(file, result);
  return result;
}

function lossOf(lora: LayerError['lora']): LoraLoss | null {
  const result = lora?.measure.result() ?? null;
  return lora === null || result === null ? null : { stored: lora.stored, ...result };
}
