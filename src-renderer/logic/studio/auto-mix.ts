/** Budgets for mixes of formats, and the errors that can decide a mix. */
import type { OutputMeasurement } from '$contract/pack';
import { t } from '../../text/text.svelte';
import {
  autoFormat,
  FORMAT_FACTS,
  isWeightFormat,
  parseAutoFormat,
  type ComponentFormat,
  type WeightFormat,
} from '$contract/formats';

const MIB = 2 ** 20;
/** First budget relative to the format's size: a 4-bit size would allow no mix, a 16-bit size would save nothing. */
function sizeFactor(format: WeightFormat): number {
  const { bits, lossy } = FORMAT_FACTS[format];
  if (!lossy) return 0.5;
  return bits < 8 ? 1.25 : 1;
}

/** Used until the host has reported a component's size. */
const UNKNOWN_BYTES = 1024 * MIB;

/** Rounds a budget up to whole MiB; below 100 MiB to tenths, below 1 to thousandths. */
function roundBudget(mib: number): number {
  const step = mib >= 100 ? 1 : mib >= 1 ? 0.1 : 0.001;
  return Number((Math.ceil(mib / step - 1e-9) * step).toFixed(3));
}

/** The first mix of a component, of about the size of its format. @param bytes of the component in that format */
export function startingMix(format: ComponentFormat, bytes: number = UNKNOWN_BYTES): ComponentFormat {
  if (parseAutoFormat(format) !== null) return format;
  const factor = isWeightFormat(format) ? sizeFactor(format) : 1;
  return autoFormat({ budgetMiB: roundBudget((bytes * factor) / MIB), measurement: null });
}

interface MeasurementOption {
  /** Id of a measurement; empty for the errors of the weights. */
  readonly value: string;
  readonly label: string;
  readonly disabled?: boolean;
}

/**
 * Errors that can decide a mix: those of the weights, and each measurement of outputs.
 * @param found null until loaded
 * @param chosen the measurement that the mix names, even if it was deleted
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
