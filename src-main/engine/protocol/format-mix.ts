/** Mixes of formats within a budget, and the measurements that can decide one. */
import type { ComponentFormat, QuantizedComponent, WeightFormat } from '../../base/vocabulary.js';
import type { LoraChoice } from './choices.js';
import type { GenerateRequest } from './generate.js';
import type { MeasuredRun } from './layer-errors.js';

/** The output errors that are kept for a component's weights. */
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

/** A mix within a budget, before it is made. */
export interface FormatMixRequest {
  /** Whose pack, LoRAs and cache; `by` outputs, those measured on it, which must be kept. */
  readonly run: GenerateRequest;
  readonly component: QuantizedComponent;
  readonly by: 'weights' | 'outputs';
  /** Null for one halfway between the smallest format and INT8. */
  readonly budgetMiB: number | null;
}
export interface FormatMixResult {
  readonly kind: 'format-mix';
  readonly component: QuantizedComponent;
  /** Its name: what a run takes as the component's format. */
  readonly format: ComponentFormat;
  /** In the order of the measured layers. */
  readonly layers: readonly { readonly name: string; readonly format: WeightFormat }[];
  /** Of the component in the mix, at most the budget, and in one format for all. */
  readonly bytes: number;
  readonly uniformBytes: Readonly<Record<WeightFormat, number>>;
}
