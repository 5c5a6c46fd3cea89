/** Mixes of formats within a budget, and the measurements that decide them. */
import type { ComponentFormat, QuantizedComponent, WeightFormat } from '../../base/vocabulary.js';
import type { LoraChoice } from './choices.js';
import type { GenerateRequest } from './generate.js';
import type { MeasuredRun } from './layer-errors.js';

/** The kept output errors of a component's weights. */
export interface KeptMeasurementsRequest {
  readonly packPath: string;
  readonly cachePath: string;
  readonly component: QuantizedComponent;
  readonly modelVariant: string;
  readonly loras: readonly LoraChoice[];
}
export interface KeptMeasurementsResult {
  readonly kind: 'kept-measurements';
  readonly measurements: readonly { readonly id: string; readonly about: MeasuredRun }[];
}

/** Plans a mix within a budget. */
export interface FormatMixRequest {
  /** Gives pack, LoRAs and cache; `by` outputs: those measured on it, which must be kept. */
  readonly run: GenerateRequest;
  readonly component: QuantizedComponent;
  readonly by: 'weights' | 'outputs';
  /** Null: halfway between the smallest format and INT8. */
  readonly budgetMiB: number | null;
}
export interface FormatMixResult {
  readonly kind: 'format-mix';
  readonly component: QuantizedComponent;
  /** Name of the mix, for use as a run's format. */
  readonly format: ComponentFormat;
  /** In the order of the measured layers. */
  readonly layers: readonly { readonly name: string; readonly format: WeightFormat }[];
  /** Of the component in the mix (at most the budget), and in one format for all layers. */
  readonly bytes: number;
  readonly uniformBytes: Readonly<Record<WeightFormat, number>>;
}
