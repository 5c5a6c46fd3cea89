/** Making one picture, and its report. */
import type {
  DecodeMode,
  DecodeReason,
  FormatChoice,
  IdentityState,
  PhaseName,
  Provider,
  SecondEncoderState,
} from '../../base/vocabulary.js';
import type { SettingValues } from '../../base/setting-table.js';
import type { DeviceChoice, IdentityInput, LoraChoice } from './choices.js';

export interface GenerateRequest extends DeviceChoice, SettingValues {
  readonly packPath: string;
  /** Folder of converted weights and graphs; created if missing. */
  readonly cachePath: string;
  readonly formats: FormatChoice;
  readonly identity: IdentityInput;
  /** Absolute path of a pose picture; null gives the black control image. */
  readonly controlImagePath: string | null;
  /** Absolute path of the PNG to write (temp file, then rename). */
  readonly outputPath: string;
  /** Folder for per-step previews as `step-003.png`; null: not saved. */
  readonly previewDir: string | null;
  /** Writes the denoiser's per-node profile with this path prefix; steps are slower with it. */
  readonly profilePrefix?: string;
  /** Folder for the latents after each step as `step-003.f32` (little-endian, packed); default none. */
  readonly latentsDir?: string;
  /** Default none. */
  readonly loras?: readonly LoraChoice[];
  /** Continues with NaN or infinite values and reports them in the result: only for measuring memory and time. */
  readonly allowNotFinite?: boolean;
  /** Default `auto`. */
  readonly decode?: DecodeChoice;
  /** Of the card, for the whole run, where the provider streams weights that do not fit; default what is free. */
  readonly memoryLimitBytes?: number;
  /** Duration of a step with the same settings in earlier runs; detects a card that is full from the first step. */
  readonly usualStepSeconds?: number;
}

/** `auto`: in tiles when the whole decode does not fit into free memory or has run out of it. */
export type DecodeChoice = 'auto' | DecodeMode;

/** How the latents became pixels. */
export interface DecodeReport {
  readonly mode: DecodeMode;
  /** Largest number of tiles of a layer; 1 for the whole. */
  readonly tiles: number;
  readonly reason: DecodeReason;
  /** Estimated need of the whole decode, and free memory before it. */
  readonly wholeBytes: number;
  readonly freeBytes: number | null;
}

/** Where the denoiser's weights were, in bytes. */
export interface WeightPlaces {
  readonly residentBytes: number;
  /** Crossed the bus in each step. */
  readonly streamedBytes: number;
  /** Of the streamed ones, those read from their files in each step. */
  readonly fromDiskBytes: number;
}

/** The card moved buffers into the computer's memory: from this step on (1-based), steps took this long. */
export interface SpillReport {
  readonly fromStep: number;
  readonly stepSeconds: number;
  /** Of the run's first steps, or of earlier runs. */
  readonly usualSeconds: number;
  /** Of the whole card. */
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** A face encoder's score of a picture's largest face. */
export interface FaceScore {
  /** Such as `glintr100`. */
  readonly encoder: string;
  /** Identifies the encoder's weights: 16 hex digits. Only embeddings of equal weights are comparable. Null without a face. */
  readonly weightHash: string | null;
  /** Whether its identity embedding conditioned the picture, which makes its score circular. */
  readonly conditioned: boolean;
  /** Cosine with the identity by this encoder; null without a face. */
  readonly identityScore: number | null;
  /** Of the picture's face, unit length [512]; null without a face. */
  readonly embedding: readonly number[] | null;
}

/** Memory of one phase; null where no source could be read. Bytes. */
export interface PhaseMeasurement {
  readonly phase: PhaseName;
  readonly seconds: number;
  /** Device memory: highest reading in the phase less the reading before the first phase. */
  readonly devicePeakBytes: number | null;
  /** Device memory at the phase's end, same base. */
  readonly deviceEndBytes: number | null;
  /** Resident set of the engine process: highest reading, and at the end. */
  readonly hostPeakBytes: number;
  readonly hostEndBytes: number;
  /** Bytes of weights in the sessions of this phase (packed size). */
  readonly weightBytes: number;
  /** Source of the device readings, such as `nvidia-smi`; null without a device. */
  readonly deviceSource: string | null;
  readonly hostSource: string;
}

export interface GenerateResult {
  readonly kind: 'generate';
  readonly outputPath: string;
  readonly width: number;
  readonly height: number;
  readonly phases: readonly PhaseMeasurement[];
  /** Seconds of each denoising step. */
  readonly stepSeconds: readonly number[];
  /** First step, from 1, with NaN or infinite values; only with `allowNotFinite`. */
  readonly notFiniteAtStep?: number;
  readonly totalSeconds: number;
  readonly provider: Provider;
  readonly deviceId: number;
  readonly computeDtype: 'f32' | 'f16';
  /** sha-256 of each component's weights (first 16 hex digits of header plus size digest), by component. */
  readonly weightHashes: Readonly<Record<string, string>>;
  /** Stored form of components that are quantized in their files, such as `Q4_K`, by component. */
  readonly weightTypes: Readonly<Record<string, string>>;
  /** Tensor names that stayed in 16-bit, as patterns. */
  readonly keepList: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly decode: DecodeReport;
  /** Null where the provider holds all weights. */
  readonly weightPlaces: WeightPlaces | null;
  /** Null when the card did not spill. */
  readonly spill: SpillReport | null;
  /** Cosine of the generated face's embedding with the conditioning one; `identityState` gives the reason for null. */
  readonly identityScore: number | null;
  readonly identityState: IdentityState;
  /** Of every encoder used, the conditioning one first; empty without an identity or a face network. */
  readonly faceScores: readonly FaceScore[];
  /** Null without an identity. */
  readonly secondEncoder: SecondEncoderState | null;
}
