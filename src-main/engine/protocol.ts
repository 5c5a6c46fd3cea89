/**
 * Messages between the main process and the engine process. Plain JSON-safe data, so that the same entry
 * serves Electron's `utilityProcess` and Node's `child_process` with IPC.
 *
 * Each request has an id; the engine answers with any number of `progress` messages and exactly one `result`
 * or `error` (or `cancelled`) carrying that id. Requests run one at a time, in order of arrival.
 */
import type { ErrorDto } from '../base/app-error.js';
import type { AutoFormat } from '../base/auto-format.js';
import type { AuditFinding, AuditPart, PackAudit } from './pack/audit-report.js';

/** How a component's linear weights are held in memory. */
export const WEIGHT_FORMATS = ['16-bit', 'fp8', 'int8', 'int4', 'nf4'] as const;
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** The components whose format can be chosen. */
export const QUANTIZED_COMPONENTS = ['flux', 't5', 'infusenet'] as const;
export type QuantizedComponent = (typeof QUANTIZED_COMPONENTS)[number];
/** One format for a component's linears, or a mix within a budget, such as `auto-3500` (see `base/auto-format.ts`). */
export type ComponentFormat = WeightFormat | AutoFormat;
export type FormatChoice = Readonly<Record<QuantizedComponent, ComponentFormat>>;

/** ONNX Runtime execution providers that the app can ask for. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'dml'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Where networks run. */
export interface DeviceChoice {
  readonly provider: Provider;
  /** Index of the GPU for `cuda` and `dml`, from 0, in the driver's order; default 0, and nothing else elsewhere. */
  readonly deviceId?: number;
}

/** Where the identity comes from. `none` runs FLUX without InfuseNet. */
export type IdentityInput =
  | {
      readonly kind: 'image';
      readonly path: string;
      /** Index into the detected faces, largest first. */ readonly faceIndex: number;
    }
  | { readonly kind: 'embedding'; /** 512 numbers, unit length. */ readonly values: readonly number[] }
  | { readonly kind: 'none' };

/** A LoRA that is added to FLUX before its weights are encoded. */
export interface LoraChoice {
  /** Absolute path of the file. */
  readonly path: string;
  /** Factor of what it adds; 0 leaves the weights as they are. */
  readonly weight: number;
}

export interface GenerateRequest extends DeviceChoice {
  readonly packPath: string;
  /** Folder of converted weights and graphs; created when missing. */
  readonly cachePath: string;
  readonly formats: FormatChoice;
  /** InfuseNet variant folder of the pack, such as `aes_stage2`. */
  readonly modelVariant: string;
  readonly identity: IdentityInput;
  /** Absolute path of a pose picture; null gives the black control image. */
  readonly controlImagePath: string | null;
  readonly prompt: string;
  /** 0 to 2^32 - 1. */
  readonly seed: number;
  readonly steps: number;
  /** Pixels, multiples of 16. */
  readonly width: number;
  readonly height: number;
  readonly guidance: number;
  readonly conditioningScale: number;
  /** Fractions of the steps between which InfuseNet acts. */
  readonly start: number;
  readonly end: number;
  /** Absolute path of the PNG to write (temp file, then rename). */
  readonly outputPath: string;
  /** Folder for per-step previews as `step-003.png`, or null for none saved. */
  readonly previewDir: string | null;
  /** Writes the denoiser's per-node profile with this path prefix; steps are slower with it. */
  readonly profilePrefix?: string;
  /** Folder for the latents after each step as `step-003.f32` (little-endian, packed); default none. */
  readonly latentsDir?: string;
  /** Default none. */
  readonly loras?: readonly LoraChoice[];
  /** Goes on where values are NaN or infinite, and says so in the result: for measuring memory and time only. */
  readonly allowNotFinite?: boolean;
  /** Default `auto`. */
  readonly decode?: DecodeMode;
  /** What a step of the same settings took in earlier runs; lets a card that is full from the first step on be told. */
  readonly usualStepSeconds?: number;
}

/** `auto`: in tiles when the whole decode does not fit the free memory, or has run out of it. */
export type DecodeMode = 'auto' | 'whole' | 'tiles';

/** How the latents became pixels. */
export interface DecodeReport {
  readonly mode: 'whole' | 'tiles';
  /** Most tiles of any layer; 1 for the whole. */
  readonly tiles: number;
  /** `estimate`: the whole was reckoned not to fit; `out-of-memory`: it was tried and did not. */
  readonly reason: 'fits' | 'asked' | 'estimate' | 'out-of-memory';
  /** What the whole was reckoned to need, and what was free before. */
  readonly wholeBytes: number;
  readonly freeBytes: number | null;
}

/** The card moved what did not fit into the computer's memory: from this step on (1-based), steps took so long. */
export interface SpillReport {
  readonly fromStep: number;
  readonly stepSeconds: number;
  /** The run's first steps, or what earlier runs took. */
  readonly usualSeconds: number;
  /** Of the whole card. */
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** Why a picture has an identity score or none. */
export type IdentityState = 'scored' | 'no-face' | 'no-face-network' | 'no-identity';

/**
 * Whether a second encoder scored. `absent`: the pack has none. `same-file`: the pack names one, but it is the file that
 * conditions. `no-photo`: the identity was given as an embedding, which another encoder cannot read.
 */
export type SecondEncoderState = 'used' | 'absent' | 'same-file' | 'no-photo';

/** What one encoder of faces says of a picture's largest face. */
export interface FaceScore {
  /** Such as `glintr100`. */
  readonly encoder: string;
  /** Names the encoder's weights: 16 hex digits. Only embeddings by the same weights can be compared. Null without a face. */
  readonly weightHash: string | null;
  /** Whether its embedding of the identity conditioned the picture, which makes its score circular. */
  readonly conditioned: boolean;
  /** Cosine with the identity by this encoder; null without a face. */
  readonly score: number | null;
  /** Of the picture's face, unit length [512]; null without a face. */
  readonly embedding: readonly number[] | null;
}

export const STAGES = ['identify', 'encode-text', 'control', 'convert', 'load', 'denoise', 'decode'] as const;
export type Stage = (typeof STAGES)[number];

/** Memory of one phase; null where no source could be read. Bytes. */
export interface PhaseMeasurement {
  readonly phase: 'text' | 'load' | 'denoise' | 'decode';
  readonly seconds: number;
  /** Device memory: highest reading in the phase less the reading before the first phase. */
  readonly devicePeakBytes: number | null;
  /** Device memory at the phase's end, same base. */
  readonly deviceEndBytes: number | null;
  /** Resident set of the engine process: highest reading, and at the end. */
  readonly hostPeakBytes: number;
  readonly hostEndBytes: number;
  /** Bytes of weights held by the sessions of this phase (packed size). */
  readonly weightBytes: number;
  /** What the device readings come from, such as `nvidia-smi`; null without a device. */
  readonly deviceSource: string | null;
  readonly hostSource: string;
}

export interface FaceReport {
  /** x0, y0, x1, y1 in pixels of the upright source picture. */
  readonly box: readonly [number, number, number, number];
  /** Left eye, right eye, nose, left and right mouth corner. */
  readonly landmarks: readonly (readonly [number, number])[];
  readonly score: number;
}

export interface GenerateResult {
  readonly kind: 'generate';
  readonly outputPath: string;
  readonly width: number;
  readonly height: number;
  readonly phases: readonly PhaseMeasurement[];
  /** Seconds of each denoising step. */
  readonly stepSeconds: readonly number[];
  /** First step, from 1, with NaN or infinite values; only when `allowNotFinite` let the run go on. */
  readonly notFiniteAtStep?: number;
  readonly totalSeconds: number;
  readonly provider: Provider;
  readonly deviceId: number;
  readonly computeDtype: 'f32' | 'f16';
  /** sha-256 of each component's weights (first 16 hex digits of header plus size digest), by component. */
  readonly weightHashes: Readonly<Record<string, string>>;
  /** Tensor names that stayed in 16-bit, as patterns. */
  readonly keepList: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly decode: DecodeReport;
  /** Null when the card was not seen to spill. */
  readonly spill: SpillReport | null;
  /**
   * Cosine of the generated face's embedding with the one that conditioned the run; `identityState` says why there is
   * none.
   */
  readonly identityScore: number | null;
  readonly identityState: IdentityState;
  /** By every encoder that was asked, the conditioning one first; empty without an identity or a face network. */
  readonly faceScores: readonly FaceScore[];
  /** Null without an identity. */
  readonly secondEncoder: SecondEncoderState | null;
  /** Embedding that conditioned the run (512), null without identity. */
  readonly identityEmbedding: readonly number[] | null;
}

/** Detects faces in a picture with the pack's detector (or its fixed landmarks). */
export interface DetectFacesRequest {
  readonly packPath: string;
  readonly cachePath: string;
  readonly provider: Provider;
  readonly imagePath: string;
}
export interface DetectFacesResult {
  readonly kind: 'detect-faces';
  readonly imageWidth: number;
  readonly imageHeight: number;
  /** Largest first. */
  readonly faces: readonly FaceReport[];
  /** `scrfd` at which detection size, or `centred`. */
  readonly detector: string;
}

/** Load and peak before a run, from headers alone. */
export interface EstimateRequest extends DeviceChoice {
  readonly packPath: string;
  readonly formats: FormatChoice;
  readonly modelVariant: string;
  readonly width: number;
  readonly height: number;
  /** As in `GenerateRequest`. */
  readonly decode?: GenerateRequest['decode'];
}
export interface EstimateResult {
  readonly kind: 'estimate';
  /** Bytes by part: flux, t5, infusenet, vae, clip, activations. */
  readonly parts: Readonly<Record<'flux' | 't5' | 'infusenet' | 'vae' | 'clip' | 'activations', number>>;
  /** Weights of the denoiser when it is loaded. */
  readonly loadBytes: number;
  /** The highest of the stages, weights plus activations. */
  readonly peakBytes: number;
  /** The highest of each stage; `decode` as it will be done. */
  readonly stageBytes: Readonly<Record<'text' | 'denoise' | 'decode', number>>;
  /** The decode whole and in tiles; null where the decoder cannot be tiled. */
  readonly decodeBytes: { readonly whole: number; readonly tiles: number | null };
  /** Free device memory (host memory for cpu) now; null when it cannot be read. */
  readonly freeBytes: number | null;
  readonly freeSource: string | null;
}

/** Formats that round weights; 16-bit is what they are measured against. */
export const LOSSY_FORMATS = ['fp8', 'int8', 'int4', 'nf4'] as const satisfies readonly WeightFormat[];
export type LossyFormat = (typeof LOSSY_FORMATS)[number];

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
}

/** Which providers can be used here, found by creating a tiny session. */
export interface ProbeResult {
  readonly kind: 'probe';
  readonly providers: readonly {
    readonly provider: Provider;
    readonly available: boolean;
    /** Device name where known, or why it cannot be used. */
    readonly detail: string;
  }[];
}

/** What a pack folder holds. */
export interface InspectResult {
  readonly kind: 'inspect';
  readonly name: string;
  readonly licence: string;
  /** A sentence about what the pack understands; null when it has none. */
  readonly note: string | null;
  readonly faceDetection: 'scrfd' | 'centred';
  readonly modelVariants: readonly string[];
  readonly defaults: {
    readonly width: number;
    readonly height: number;
    readonly steps: number;
    readonly guidance: number;
  };
  readonly limits: { readonly minSize: number; readonly maxSize: number; readonly maxSteps: number };
  readonly components: readonly {
    readonly component: string;
    readonly files: number;
    readonly tensors: number;
    readonly parameters: number;
    readonly bytes: number;
    readonly dtypes: readonly string[];
    readonly missing: readonly string[];
    readonly bytesPerFormat: Readonly<Partial<Record<WeightFormat, number>>>;
  }[];
  /** True when everything needed to generate is there. */
  readonly complete: boolean;
}

/** Checks files by their headers alone: the parts of a pack, and files that belong to none. */
export interface AuditRequest {
  /** As `AuditTarget`, with the variants as pairs; null to look at strays alone. */
  readonly target: {
    readonly flux: string | null;
    readonly variants: readonly (readonly [name: string, folder: string])[];
    readonly arcface: string | null;
    readonly scrfd: string | null;
    readonly recognition: string | null;
    readonly expectedTensors: Partial<Readonly<Record<AuditPart, number>>>;
  } | null;
  /** Absolute paths. */
  readonly strays: readonly string[];
}
export interface AuditResult {
  readonly kind: 'audit';
  /** Null without a target. */
  readonly audit: PackAudit | null;
  /** In the order of the request; null for what needs no mention. */
  readonly strays: readonly (AuditFinding | null)[];
}

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

/** Checks by headers alone that a LoRA fits a pack's FLUX. */
export interface CheckLoraRequest {
  readonly packPath: string;
  /** Absolute path. */
  readonly file: string;
}
export interface CheckLoraResult {
  readonly kind: 'check-lora';
  /** Layers of FLUX that it changes. */
  readonly layers: number;
}

export type EngineRequest =
  | { readonly kind: 'generate'; readonly params: GenerateRequest }
  | { readonly kind: 'detect-faces'; readonly params: DetectFacesRequest }
  | { readonly kind: 'estimate'; readonly params: EstimateRequest }
  | { readonly kind: 'weight-errors'; readonly params: WeightErrorsRequest }
  | { readonly kind: 'output-errors'; readonly params: OutputErrorsRequest }
  | { readonly kind: 'plan-conversion'; readonly params: ConversionRequest }
  | { readonly kind: 'convert'; readonly params: ConversionRequest }
  | { readonly kind: 'inspect'; readonly params: { readonly packPath: string } }
  | { readonly kind: 'audit'; readonly params: AuditRequest }
  | { readonly kind: 'check-lora'; readonly params: CheckLoraRequest }
  | { readonly kind: 'probe'; readonly params: Readonly<Record<string, never>> }
  | { readonly kind: 'release'; readonly params: Readonly<Record<string, never>> };

export type EngineResult =
  | GenerateResult
  | DetectFacesResult
  | EstimateResult
  | WeightErrorsResult
  | OutputErrorsResult
  | ConversionPlanResult
  | ConversionResult
  | InspectResult
  | AuditResult
  | CheckLoraResult
  | ProbeResult
  | { readonly kind: 'release' };

/** State, not deltas: each message says where the request stands. */
export interface EngineProgress {
  readonly stage: Stage;
  /** 0 to 1 within the stage. */
  readonly fraction: number;
  /** 1-based step and count while denoising, item and count while converting ahead of a run, else null. */
  readonly step: number | null;
  readonly steps: number | null;
  /** Plain words for the person, such as "Converting FLUX to nf4". */
  readonly message: string;
  /** A small latent preview as a PNG data URL after each step, else null. */
  readonly previewPng: string | null;
  /** Set while denoising once the card was seen to spill. */
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
