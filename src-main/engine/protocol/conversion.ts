/** Converting weights ahead of a run. */
import type { QuantizedComponent, WeightFormat } from '../../base/vocabulary.js';
import type { DeviceChoice } from './choices.js';

/** A component in one of its formats. */
export interface ConversionItem {
  readonly component: QuantizedComponent;
  readonly format: WeightFormat;
}

/** Converts ahead of a run, or estimates that. */
export interface ConversionRequest extends DeviceChoice {
  readonly packPath: string;
  readonly cachePath: string;
  /** For InfuseNet. */
  readonly modelVariant: string;
  readonly items: readonly ConversionItem[];
}
export interface ConversionPlanResult {
  readonly kind: 'plan-conversion';
  /** In the order of the request. */
  readonly items: readonly (ConversionItem & {
    /** `in-place`: read from the checkpoint. `part`: an earlier conversion is unfinished. */
    readonly state: 'in-place' | 'ready' | 'part' | 'missing';
    /** Size of its complete cache files. */
    readonly bytes: number;
    /** Bytes still to be written. */
    readonly bytesLeft: number;
    /** Estimate from encoding a sample of the weights. */
    readonly secondsLeft: number;
  })[];
}
export interface ConversionResult {
  readonly kind: 'convert';
  readonly items: readonly (ConversionItem & { readonly bytes: number; readonly seconds: number })[];
}
