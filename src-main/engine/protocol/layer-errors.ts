/** What each format does to a component: to its weights, and to the outputs of its layers. */
import type { FormatChoice, LossyFormat, QuantizedComponent } from '../../base/vocabulary.js';
import type { GenerateRequest } from './generate.js';

/** What each format does to a component's weights; kept in the cache. */
export interface WeightErrorsRequest {
  readonly packPath: string;
  readonly cachePath: string;
  readonly component: QuantizedComponent;
  /** For InfuseNet. */
  readonly modelVariant: string;
}
export interface WeightErrorsResult {
  readonly kind: 'weight-errors';
  readonly component: QuantizedComponent;
  /** Linears that take the format, block by block. */
  readonly layers: readonly {
    readonly name: string;
    /** [N, K]. */
    readonly shape: readonly [number, number];
    /** Length of the error over length of the weights; of a sample of large layers. */
    readonly errors: Readonly<Record<LossyFormat, number>>;
  }[];
  /** The same over all layers. */
  readonly overall: Readonly<Record<LossyFormat, number>>;
}

/** What each format does to what comes out of a component's layers, on the activations of a run as it would be made. */
export interface OutputErrorsRequest {
  /** The run; its picture is not made, `outputPath` not written. */
  readonly run: GenerateRequest;
  readonly component: QuantizedComponent;
  /** Gives what was measured before, and measures nothing. */
  readonly keptOnly?: boolean;
}
export interface OutputErrorsResult {
  readonly kind: 'output-errors';
  readonly component: QuantizedComponent;
  /** Null where nothing was kept and nothing was to be measured. */
  readonly measured: OutputErrors | null;
}
export interface OutputErrors {
  /** Names the run's settings and the pack's weights: 8 hex digits. */
  readonly id: string;
  /** As in `WeightErrorsResult`. */
  readonly layers: readonly {
    readonly name: string;
    /** [N, K]. */
    readonly shape: readonly [number, number];
    /** ‖X(W − Ŵ)ᵀ‖ / ‖XWᵀ‖ for sampled rows X of the layer's inputs; of a sample of the outputs of large layers. */
    readonly errors: Readonly<Record<LossyFormat, number>>;
    /** Rows in X. */
    readonly rows: number;
  }[];
  /** Quadratic mean over the layers. */
  readonly overall: Readonly<Record<LossyFormat, number>>;
  readonly about: MeasuredRun;
}

/** What a person knows a run by. */
export interface MeasuredRun {
  readonly prompt: string;
  readonly seed: number;
  readonly formats: FormatChoice;
}
