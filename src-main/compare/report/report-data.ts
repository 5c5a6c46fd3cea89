/** Contents of a report. */
import {
  QUANTIZED_COMPONENTS,
  type DecodeMode,
  type DecodeReason,
  type IdentityState,
  type SecondEncoderState,
} from '../../base/vocabulary.js';
import type { FaceEncoder } from '../measures/face-encoders.js';
import { weightOrder, type WeightErrors } from '../statistics/weight-order.js';
import type { MeasuredPicture, VariantSummary } from './variant-summary.js';
import { verdictSentence } from './verdict-sentence.js';

/** Events while a picture was made. */
export interface PictureNotes {
  /** Null before the picture is made. */
  readonly decode: {
    readonly mode: DecodeMode;
    /** Most tiles of any layer; 1 for the whole. */
    readonly tiles: number;
    readonly reason: DecodeReason;
  } | null;
  /** From this step on (1-based) the card moved data to the computer's memory; null when that was not detected. */
  readonly spill: {
    readonly fromStep: number;
    readonly stepSeconds: number;
    readonly usualSeconds: number;
  } | null;
  /** Memory ran out in this stage (null: before the first) and the picture was made again; null for one try. */
  readonly retry: { readonly stage: string | null } | null;
  /** Why there is a score or none; null before the picture is made. */
  readonly identityState: IdentityState | null;
  /** Whether a second encoder scored, or why not; null where there was nothing to score. */
  readonly secondEncoder: SecondEncoderState | null;
}

export interface ReportPicture extends MeasuredPicture {
  /** Path relative to the report; only a name where there are no files beside it. */
  readonly file: string;
  /** `data:` URLs for the self-contained page; null leaves the picture out. */
  readonly pictureUrl: string | null;
  readonly heatMapUrl: string | null;
  readonly notes: PictureNotes;
}

export interface ReportVariant extends VariantSummary {
  readonly pictures: readonly ReportPicture[];
}

export interface ReportInput {
  readonly title: string;
  readonly appVersion: string;
  /** Settings that all pictures share, in reading order, such as `['Prompt', '…']`. */
  readonly settings: readonly (readonly [string, string])[];
  /** Pictures refer to them by index. */
  readonly prompts: readonly string[];
  /** Whether the picture files are beside the report, to be linked. */
  readonly picturesBeside: boolean;
  /** Source of the memory figures and their runs, such as `nvidia-smi, of the first picture`. */
  readonly memorySource: string;
  /** Of the components that vary, where they were measured. */
  readonly weightErrors: readonly WeightErrors[];
  readonly pixelsPerDegree: number;
  /** Height over width of the pictures. */
  readonly aspect: number;
  /** The first is the reference. */
  readonly variants: readonly ReportVariant[];
}

/** The encoders of all pictures, conditioning ones first. */
export function reportEncoders({ variants: [reference] }: Pick<ReportInput, 'variants'>): readonly FaceEncoder[] {
  return reference?.faces ?? [];
}

/** A variant as the heading of its pictures: `All 16-bit (reference)`, `All INT8`. */
export function variantHeading({ name, isReference }: ReportVariant): string {
  return isReference ? `${name} (reference)` : name;
}

/** A variant's verdict in sentences; null for the reference and without a seed in common. */
export function variantVerdict({ name, verdict }: ReportVariant): string | null {
  return verdict === null ? null : verdictSentence(name, verdict);
}

/** A picture among those of its variant: `seed 42`, or `prompt 2, seed 42` where there are several prompts. */
export function pictureLabel({ seed, prompt }: ReportPicture, prompts: readonly string[]): string {
  return prompts.length > 1 ? `prompt ${prompt + 1}, seed ${seed}` : `seed ${seed}`;
}

/** The weight errors, and whether the pictures differ in their order; see `weightOrder`. */
export function weightNotes({ variants, weightErrors }: ReportInput): string[] {
  const reference = variants[0]?.formats;
  if (reference === undefined) return [];
  return weightErrors.flatMap((errors) => {
    const differences = variants.flatMap(({ isReference, formats, flip }) => {
      const changed = QUANTIZED_COMPONENTS.filter((component) => formats[component] !== reference[component]);
      const alone = changed.length === 1 && changed[0] === errors.component;
      return isReference || !alone || flip === null ? [] : [{ format: formats[errors.component], flip }];
    });
    return weightOrder(errors, differences);
  });
}
