/** What a report is made of. Knows nothing of files and pixels. */
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

/** What the making of a picture went through beside its figures. */
export interface PictureNotes {
  /** Null before the picture is made. */
  readonly decode: {
    readonly mode: DecodeMode;
    /** Most tiles of any layer; 1 for the whole. */
    readonly tiles: number;
    readonly reason: DecodeReason;
  } | null;
  /** From this step on (1-based) the card moved memory to the computer's; null when it was not seen to. */
  readonly spill: {
    readonly fromStep: number;
    readonly stepSeconds: number;
    readonly usualSeconds: number;
  } | null;
  /** Memory ran out in this stage (null: before the first) and the picture was made once more; null for one try. */
  readonly retry: { readonly stage: string | null } | null;
  /** Why there is a score or none; null before the picture is made. */
  readonly identityState: IdentityState | null;
  /** Whether a second encoder scored, or why not; null where there was nothing to score. */
  readonly secondEncoder: SecondEncoderState | null;
}

export interface ReportPicture extends MeasuredPicture {
  /** Path relative to the report, or what else names the picture where none lie beside it. */
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
  /** What all pictures share, in reading order, such as `['Prompt', '…']`. */
  readonly settings: readonly (readonly [string, string])[];
  /** In order; the pictures name theirs by index. */
  readonly prompts: readonly string[];
  /** Whether picture files lie beside the report, to be linked. */
  readonly picturesBeside: boolean;
  /** Where memory figures come from and of which runs, such as `nvidia-smi, of the first picture`. */
  readonly memorySource: string;
  /** Of the components that vary, where they were measured. */
  readonly weightErrors: readonly WeightErrors[];
  readonly pixelsPerDegree: number;
  /** Height over width of the pictures. */
  readonly aspect: number;
  /** The first is the reference. */
  readonly variants: readonly ReportVariant[];
}

/** The encoders of all pictures, those that conditioned first. */
export function reportEncoders({ variants: [reference] }: Pick<ReportInput, 'variants'>): readonly FaceEncoder[] {
  return reference?.faces ?? [];
}

/** A variant as the heading of its pictures: `All 16-bit (reference)`, `All INT8`. */
export function variantHeading({ name, isReference }: ReportVariant): string {
  return isReference ? `${name} (reference)` : name;
}

/** What a variant's figures say, in a sentence or more; null for the reference and without a seed in common. */
export function variantVerdict({ name, verdict }: ReportVariant): string | null {
  return verdict === null ? null : verdictSentence(name, verdict);
}

/** A picture among those of its variant: `seed 42`, or `prompt 2, seed 42` where there are several prompts. */
export function pictureLabel({ seed, prompt }: ReportPicture, prompts: readonly string[]): string {
  return prompts.length > 1 ? `prompt ${prompt + 1}, seed ${seed}` : `seed ${seed}`;
}

/** What the weight errors say, and whether the pictures agree with them; see `weightOrder`. */
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
