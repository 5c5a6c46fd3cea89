/** The error of each format for a component: of its weights, and of its layers' outputs. */
import type { FormatChoice, LossyFormat, QuantizedComponent } from '../../base/vocabulary.js';
import type { LoraChoice } from './choices.js';
import type { GenerateRequest } from './generate.js';

/** Errors of a component's weights; kept in the cache. */
export interface WeightErrorsRequest {
  readonly packPath: string;
  readonly cachePath: string;
  readonly component: QuantizedComponent;
  /** For InfuseNet. */
  readonly modelVariant: string;
  /** Added to FLUX; default none. */
  readonly loras?: readonly LoraChoice[];
}
export interface WeightErrorsResult {
  readonly kind: 'weight-errors';
  readonly component: QuantizedComponent;
  /** Linears in the chosen format, block by block. */
  readonly layers: readonly {
    readonly name: string;
    /** [N, K]. */
    readonly shape: readonly [number, number];
    /** Relative error ‖e‖/‖w‖; of a sample for large layers. */
    readonly errors: Readonly<Record<LossyFormat, number>>;
    /** Null where no LoRA is added. */
    readonly lora: LoraLoss | null;
  }[];
  /** The same over all layers. */
  readonly overall: Readonly<Record<LossyFormat, number>>;
  /** Over all layers that LoRAs change; null without any. */
  readonly loraOverall: Omit<LoraLoss, 'stored'> | null;
}

/** What the formats keep of the LoRAs Δ in a weight W; of a sample for large layers. */
export interface LoraLoss {
  /** What the checkpoint stores W as, such as BF16 or NF4. */
  readonly stored: string;
  /** ‖Δ‖ / ‖W‖. */
  readonly size: number;
  /** ‖encoded − (W + Δ)‖ / ‖Δ‖. */
  readonly lost: Readonly<Record<LossyFormat, number>>;
}

/** Errors of the outputs of a component's layers, on the activations of a run. */
export interface OutputErrorsRequest {
  /** Its picture is not made and `outputPath` not written. */
  readonly run: GenerateRequest;
  readonly component: QuantizedComponent;
  /** Returns a kept measurement and measures nothing. */
  readonly keptOnly?: boolean;
}
export interface OutputErrorsResult {
  readonly kind: 'output-errors';
  readonly component: QuantizedComponent;
  /** Null with `keptOnly` and nothing kept. */
  readonly measured: OutputErrors | null;
}
export interface OutputErrors {
  /** Identifies the run's settings and the pack's weights: 8 hex digits. */
  readonly id: string;
  /** As in `WeightErrorsResult`. */
  readonly layers: readonly {
    readonly name: string;
    /** [N, K]. */
    readonly shape: readonly [number, number];
    /** ‖X(W − Ŵ)ᵀ‖ / ‖XWᵀ‖ for sampled rows X of the layer's inputs; of sampled outputs for large layers. */
    readonly errors: Readonly<Record<LossyFormat, number>>;
    /** Rows in X. */
    readonly rows: number;
  }[];
  /** Quadratic mean over the layers. */
  readonly overall: Readonly<Record<LossyFormat, number>>;
  readonly about: MeasuredRun;
}

/** Describes a run to people. */
export interface MeasuredRun {
  readonly prompt: string;
  readonly seed: number;
  readonly formats: FormatChoice;
}
