/** A mix within a budget before it is made: the name it has, and the format that each layer will have. */
import { AppError } from '../../../base/app-error.js';
import { autoFormat } from '../../../base/auto-format.js';
import { openPack } from '../../pack/open-pack.js';
import type { FormatMixRequest, FormatMixResult, WeightFormat } from '../../protocol.js';
import { bytesPerFormat } from '../memory/component-sizes.js';
import { openComponent } from '../packs/convert-pack.js';
import { resolveFormat } from '../networks/format-mix.js';
import { outputErrors } from './output-errors.js';

const MIB = 2 ** 20;

/**
 * @throws AppError engine.request-invalid for a budget that is too small and for outputs that were not measured on the
 * run; those of opening the pack and of measuring weights; AbortError
 */
export async function planMix(
  { run, component, by, budgetMiB }: FormatMixRequest,
  signal?: AbortSignal,
): Promise<FormatMixResult> {
  const pack = await openPack(run.packPath);
  const source = {
    pack,
    variant: run.modelVariant,
    loras: run.loras ?? [],
    ...(signal === undefined ? {} : { signal }),
  };
  const network = await openComponent(source, component);
  try {
    const uniformBytes = bytesPerFormat(component, network);
    const measurement = by === 'weights' ? null : await measurementOf({ run, component, label: network.label });
    const format = autoFormat({ budgetMiB: budgetMiB ?? suggestedMiB(uniformBytes), measurement });
    const { mix, bytes } = await resolveFormat(component, format, network, { cachePath: run.cachePath });
    const layers = [...(mix ?? [])].map(([name, chosen]) => ({ name, format: chosen }));
    return { kind: 'format-mix', component, format, layers, bytes: bytes ?? 0, uniformBytes };
  } finally {
    await network.source.close();
  }
}

async function measurementOf({
  run,
  component,
  label,
}: Pick<FormatMixRequest, 'run' | 'component'> & { readonly label: string }): Promise<string> {
  const { measured } = await outputErrors({ run, component, keptOnly: true });
  if (measured !== null) return measured.id;
  throw new AppError('engine.request-invalid', `The errors of ${label}'s outputs were not measured on this picture.`, {
    remedy: 'Measure them in the layer view first, or let the mix go by the errors of the weights.',
  });
}

/** Halfway between the smallest format and INT8: there a mix is like neither. Rounded down to a tenth above 1 MiB. */
function suggestedMiB({ nf4, int4, int8 }: Readonly<Record<WeightFormat, number>>): number {
  const mib = (Math.min(nf4, int4) + int8) / 2 / MIB;
  const step = mib >= 100 ? 1 : mib >= 1 ? 0.1 : 0.001;
  return Number((Math.floor(mib / step) * step).toFixed(3));
}
