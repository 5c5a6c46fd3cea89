/** Memory and providers before a run. */
import type { FormatChoice, Provider } from '../../base/vocabulary.js';
import type { CudaReport } from './cuda-report.js';
import type { DeviceChoice } from './choices.js';
import type { GenerateRequest, WeightPlaces } from './generate.js';

/** Load and peak before a run, from headers alone. */
export interface EstimateRequest extends DeviceChoice {
  readonly packPath: string;
  readonly formats: FormatChoice;
  readonly modelVariant: string;
  readonly width: number;
  readonly height: number;
  /** As in `GenerateRequest`. */
  readonly decode?: GenerateRequest['decode'];
  readonly memoryLimitBytes?: GenerateRequest['memoryLimitBytes'];
}
export interface EstimateResult {
  readonly kind: 'estimate';
  /** Bytes by part; `runtime`: what the provider itself takes on its device in every stage. */
  readonly parts: Readonly<Record<'flux' | 't5' | 'infusenet' | 'vae' | 'clip' | 'activations' | 'runtime', number>>;
  /** Of the denoiser's weights; null where the provider holds all. */
  readonly weightPlaces: WeightPlaces | null;
  /** Weights of the loaded denoiser on the device. */
  readonly loadBytes: number;
  /** Highest of the stages, weights plus activations. */
  readonly peakBytes: number;
  /** Peak of each stage; `decode` in the mode that will be used. */
  readonly stageBytes: Readonly<Record<'text' | 'denoise' | 'decode', number>>;
  /** The decode whole and in tiles; null where the decoder cannot be tiled. */
  readonly decodeBytes: { readonly whole: number; readonly tiles: number | null };
  /** Free device memory (host memory for cpu) now; null when it cannot be read. */
  readonly freeBytes: number | null;
  readonly freeSource: string | null;
}

/** Providers that work here, found by creating a tiny session. */
export interface ProbeResult {
  readonly kind: 'probe';
  readonly providers: readonly {
    readonly provider: Provider;
    readonly available: boolean;
    /** Device name if known, or why it cannot be used. */
    readonly detail: string;
  }[];
  /** What was found of `cuda`; null on systems without it. */
  readonly cuda: CudaReport | null;
}
