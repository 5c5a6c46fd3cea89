import type { FluxConfig } from '../graph/flux-config.js';
import type { GenerateRequest } from '../protocol.js';
import { mixFormats, type FormatMix } from '../quant/mix-formats.js';
import { bytesPerFormat } from './component-sizes.js';
import type { PackNetwork } from './pack-networks.js';
import { weightErrors, type WeightErrorsOptions } from './weight-errors.js';

/**
 * Formats of InfuseNet's layers within the request's budget; undefined without one.
 * @throws AppError engine.request-invalid for a budget that is too small, and those of `weightErrors`
 */
export async function infuseNetMix(
  { packPath, cachePath, modelVariant, infuseNetBudgetBytes }: GenerateRequest,
  infuseNet: PackNetwork<FluxConfig>,
  options: WeightErrorsOptions,
): Promise<FormatMix | undefined> {
  if (infuseNetBudgetBytes === undefined) return undefined;
  const { layers } = await weightErrors({ packPath, cachePath, component: 'infusenet', modelVariant }, options);
  const linears = layers.reduce((sum, { shape: [n, k] }) => sum + n * k, 0);
  // What stays in 16-bit whatever the format counts too.
  const fixed = bytesPerFormat('infusenet', infuseNet)['16-bit'] - 2 * linears;
  return mixFormats(layers, infuseNetBudgetBytes - fixed);
}
