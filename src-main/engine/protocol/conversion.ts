/** Converting weights ahead of a run. */
import type { QuantizedComponent, WeightFormat } from '../../base/vocabulary.js';
import type { DeviceChoice } from './choices.js';

/** A component in one of its formats, as the cache keeps it. */
export interface ConversionItem {
  readonly component: QuantizedComponent;
  readonly format: WeightFormat;
}

/** Converts ahead of a run, or says what that will take. */
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
    /** `in-place`: read from the checkpoint as it is. `part`: an earlier conversion was not finished. */
    readonly state: 'in-place' | 'ready' | 'part' | 'missing';
    /** Of its cache files when they are whole. */
    readonly bytes: number;
    /** Of it that the disk has still to take. */
    readonly bytesLeft: number;
    /** Of conversion, by the pace at which a sample of the weights was encoded. */
    readonly secondsLeft: number;
  })[];
}
export interface ConversionResult {
  readonly kind: 'convert';
  readonly items: readonly (ConversionItem & { readonly bytes: number; readonly seconds: number })[];
}
