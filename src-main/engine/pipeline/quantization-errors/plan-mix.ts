/** Plans a mix within a budget: its name, and the format of each layer. */
import { AppError } from '../../../base/app-error.js';
import { autoFormat } from '../../../base/auto-format.js';
import { WEIGHT_FORMATS, type FormatMixRequest, type FormatMixResult, type WeightFormat } from '../../protocol.js';
import { bytesPerFormat } from '../memory/component-sizes.js';
import { resolveMix } from '../networks/format-mix.js';
import { keptOutputErrors } from './output-errors.js';
import { withRunComponent } from './run-component.js';

const MIB = 2 ** 20;

/**
 * @throws AppError engine.request-invalid for a budget that is too small, or outputs that were not measured on the run;
 * errors of opening the pack and of measuring weights; AbortError
 */
export async function planMix(
  { run, component, by, budgetMiB }: FormatMixRequest,
  signal?: AbortSignal,
): Promise<FormatMixResult> {
  return withRunComponent(run, component, signal, async (network, pack) => {
    const uniformBytes = onlyFormats(bytesPerFormat(component, network));
    let measurement: string | null = null;
    if (by !== 'weights') {
      const { id, kept } = await keptOutputErrors(run, component, network, pack);
      if (kept === null) throw notMeasured(network.label);
      measurement = id;
    }
    const format = autoFormat({ budgetMiB: budgetMiB ?? suggestedMiB(uniformBytes), measurement });
    const { mix, bytes } = await resolveMix(component, format, network, { cachePath: run.cachePath });
    const layers = [...mix].map(([name, chosen]) => ({ name, format: chosen }));
    return { kind: 'format-mix', component, format, layers, bytes, uniformBytes };
  });
}

function onlyFormats(sizes: Readonly<Record<WeightFormat, number>>): Record<WeightFormat, number> {
  return Object.fromEntries(WEIGHT_FORMATS.map((format) => [format, sizes[format]])) as Record<WeightFormat, number>;
}

function notMeasured(label: string): AppError {
  return new AppError('engine.request-invalid', `The errors of ${label}'s outputs were not measured on this picture.`, {
    remedy: 'Measure them in the layer view first, or base the mix on the errors of the weights.',
  });
}

/** Halfway between the smallest format and INT8, where a mix differs from both. Rounded down to a tenth above 1 MiB. */
function suggestedMiB(bytes: Readonly<Record<WeightFormat, number>>): number {
  const mib = (Math.min(...WEIGHT_FORMATS.map((format) => bytes[format])) + bytes.int8) / 2 / MIB;
  const step = mib >= 100 ? 1 : mib >= 1 ? 0.1 : 0.001;
  return Number((Math.floor(mib / step) * step).toFixed(3));
}
