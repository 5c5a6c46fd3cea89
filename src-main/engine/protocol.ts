/**
 * Messages between the main process and the engine process. Plain JSON-safe data, so that the same entry
 * serves Electron's `utilityProcess` and Node's `child_process` with IPC.
 *
 * Each request has an id; the engine answers with any number of `progress` messages and exactly one `result`
 * or `error` (or `cancelled`) carrying that id. Requests run one at a time, in order of arrival.
 */
import type { ErrorDto } from '../base/app-error.js';
import type { ConversionPlanResult, ConversionRequest, ConversionResult } from './protocol/conversion.js';
import type { EstimateRequest, EstimateResult, ProbeResult } from './protocol/estimate.js';
import type { DetectFacesRequest, DetectFacesResult } from './protocol/faces.js';
import type {
  FormatMixRequest,
  FormatMixResult,
  KeptMeasurementsRequest,
  KeptMeasurementsResult,
} from './protocol/format-mix.js';
import type { Provider, Stage } from '../base/vocabulary.js';
import type { GenerateRequest, GenerateResult } from './protocol/generate.js';
import type {
  OutputErrorsRequest,
  OutputErrorsResult,
  WeightErrorsRequest,
  WeightErrorsResult,
} from './protocol/layer-errors.js';
import type { AuditRequest, AuditResult, CheckLoraRequest, CheckLoraResult, InspectResult } from './protocol/pack.js';

export * from '../base/vocabulary.js';
export * from './protocol/choices.js';
export * from './protocol/conversion.js';
export * from './protocol/cuda-report.js';
export * from './protocol/estimate.js';
export * from './protocol/faces.js';
export * from './protocol/format-mix.js';
export * from './protocol/generate.js';
export * from './protocol/layer-errors.js';
export * from './protocol/pack.js';

export type EngineRequest =
  | { readonly kind: 'generate'; readonly params: GenerateRequest }
  | { readonly kind: 'detect-faces'; readonly params: DetectFacesRequest }
  | { readonly kind: 'estimate'; readonly params: EstimateRequest }
  | { readonly kind: 'weight-errors'; readonly params: WeightErrorsRequest }
  | { readonly kind: 'output-errors'; readonly params: OutputErrorsRequest }
  | { readonly kind: 'format-mix'; readonly params: FormatMixRequest }
  | { readonly kind: 'kept-measurements'; readonly params: KeptMeasurementsRequest }
  | { readonly kind: 'plan-conversion'; readonly params: ConversionRequest }
  | { readonly kind: 'convert'; readonly params: ConversionRequest }
  | { readonly kind: 'inspect'; readonly params: { readonly packPath: string } }
  | { readonly kind: 'audit'; readonly params: AuditRequest }
  | { readonly kind: 'check-lora'; readonly params: CheckLoraRequest }
  /** `without`: providers that are not tried and not named. */
  | { readonly kind: 'probe'; readonly params: { readonly without?: readonly Provider[] } }
  | { readonly kind: 'release'; readonly params: Readonly<Record<string, never>> };

export type EngineResult =
  | GenerateResult
  | DetectFacesResult
  | EstimateResult
  | WeightErrorsResult
  | OutputErrorsResult
  | FormatMixResult
  | KeptMeasurementsResult
  | ConversionPlanResult
  | ConversionResult
  | InspectResult
  | AuditResult
  | CheckLoraResult
  | ProbeResult
  | { readonly kind: 'release' };

/** The state of a request, not a change of it. */
export interface EngineProgress {
  readonly stage: Stage;
  /** 0 to 1 within the stage. */
  readonly fraction: number;
  /** 1-based step and count while denoising, item and count while converting ahead of a run, else null. */
  readonly step: number | null;
  readonly steps: number | null;
  /** Plain text for people, such as "Converting FLUX to nf4". */
  readonly message: string;
  /** A small latent preview as a PNG data URL after each step, else null. */
  readonly previewPng: string | null;
  /** Set while denoising once the card has spilled. */
  readonly spilled?: boolean;
}

export type ToEngine =
  | { readonly type: 'request'; readonly id: string; readonly request: EngineRequest }
  | { readonly type: 'cancel'; readonly id: string }
  | { readonly type: 'shutdown' };

export type FromEngine =
  | { readonly type: 'ready'; readonly pid: number; readonly versions: Readonly<Record<string, string>> }
  | { readonly type: 'progress'; readonly id: string; readonly progress: EngineProgress }
  | { readonly type: 'result'; readonly id: string; readonly result: EngineResult }
  | { readonly type: 'error'; readonly id: string; readonly error: ErrorDto }
  | { readonly type: 'cancelled'; readonly id: string };
