/** Budgets for mixes of formats, and what can decide them. Pure. */
import type { OutputMeasurement } from '$contract/pack';
import { t } from '../../text/text.svelte';
import { autoFormat, FORMAT_FACTS, isWeightFormat, type ComponentFormat, type WeightFormat } from '$contract/formats';

const MIB = 2 ** 20;
/** A mix at the size of a 4-bit format would be that format; at that of 16-bit nothing would be saved. */
function sizeFactor(format: WeightFormat): number {
  const { bits, lossy } = FORMAT_FACTS[format];
  if (!lossy) return 0.5;
  return bits < 8 ? 1.25 : 1;
}

/** Until the host has said how large a component is. */
const UNKNOWN_BYTES = 1024 * MIB;

/** A budget in whole MiB, or in tenths or thousandths where that is coarse. */
function roundBudget(mib: number): number {
  const step = mib >= 100 ? 1 : mib >= 1 ? 0.1 : 0.001;
  return Number((Math.ceil(mib / step - 1e-9) * step).toFixed(3));
}

/** The mix that a component begins with: as large as the format that it had. @param bytes of the component in it */
export function startingMix(format: ComponentFormat, bytes: number = UNKNOWN_BYTES): ComponentFormat {
  if (!isWeightFormat(format)) return format;
  return autoFormat({ budgetMiB: roundBudget((bytes * sizeFactor(format)) / MIB), measurement: null });
}

interface MeasurementOption {
  /** Empty for the weights' errors. */
  readonly value: string;
  readonly label: string;
  readonly disabled?: boolean;
}

/**
 * Whose errors can spend a budget: the weights', and each measurement of outputs.
 * @param found null while the host looks
 * @param chosen a measurement that the mix names already, also one that is not kept any more
 */
export function measurementOptions(
  found: readonly OutputMeasurement[] | null,
  chosen: string | null,
): MeasurementOption[] {
  const known = found ?? [];
  const lost = chosen !== null && !known.some(({ id }) => id === chosen);
  return [
    { value: '', label: t('variants.by.weights') },
    ...known.map(({ id, about }) => ({
      value: id,
      label: t('variants.by.outputs', { seed: String(about.seed), prompt: about.prompt }),
    })),
    ...(lost ? [{ value: chosen, label: t('variants.by.measurement', { id: chosen }) }] : []),
    ...(found?.length === 0 && !lost ? [{ value: 'none', label: t('variants.by.none'), disabled: true }] : []),
  ];
}
