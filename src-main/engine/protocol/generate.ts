/** Making one picture, and what is reported of it. */
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
  /** Folder of converted weights and graphs; created when missing. */
  readonly cachePath: string;
  readonly formats: FormatChoice;
  readonly identity: IdentityInput;
  /** Absolute path of a pose picture; null gives the black control image. */
  readonly controlImagePath: string | null;
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
  readonly decode?: DecodeChoice;
  /** What a step of the same settings took in earlier runs; lets a card that is full from the first step on be told. */
  readonly usualStepSeconds?: number;
}

/** `auto`: in tiles when the whole decode does not fit the free memory, or has run out of it. */
export type DecodeChoice = 'auto' | DecodeMode;

/** How the latents became pixels. */
export interface DecodeReport {
  readonly mode: DecodeMode;
  /** Most tiles of any layer; 1 for the whole. */
  readonly tiles: number;
  readonly reason: DecodeReason;
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

/** What one encoder of faces says of a picture's largest face. */
export interface FaceScore {
  /** Such as `glintr100`. */
  readonly encoder: string;
  /** Names the encoder's weights: 16 hex digits. Only embeddings by the same weights can be compared. Null without a face. */
  readonly weightHash: string | null;
  /** Whether its embedding of the identity conditioned the picture, which makes its score circular. */
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
  /** Bytes of weights held by the sessions of this phase (packed size). */
  readonly weightBytes: number;
  /** What the device readings come from, such as `nvidia-smi`; null without a device. */
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
}
