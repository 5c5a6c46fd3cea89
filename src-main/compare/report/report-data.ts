/** What a report is made of, and its figures per configuration. Knows nothing of files and pixels. */
import {
  QUANTIZED_COMPONENTS,
  type DecodeMode,
  type DecodeReason,
  type IdentityState,
  type SecondEncoderState,
} from '../../base/vocabulary.js';
import { encodersOf, faceBy, type FaceEncoder, type ScoredFace } from '../measures/face-encoders.js';
import { noiseFloor, type NoiseFloor } from '../statistics/noise-floor.js';
import { meanWithUncertainty, pairedDifference, type PairedDifference } from '../statistics/paired-difference.js';
import type { PhaseFigures } from './phase-figures.js';
import type { RegionMetrics } from '../measures/picture-metrics.js';
import { variantName, verdict, type Formats } from '../statistics/verdict.js';
import { weightOrder, type WeightErrors } from '../statistics/weight-order.js';

/** Difference of one picture from another of the same seed, as numbers. */
export interface ReportDifference {
  readonly whole: RegionMetrics;
  readonly face: RegionMetrics | null;
  readonly surroundings: RegionMetrics | null;
}

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

export interface ReportPicture {
  readonly seed: number;
  /** Index into the input's prompts. */
  readonly prompt: number;
  /** 0 for the picture itself, 1 and up for repeats of the very same settings. */
  readonly repeat: number;
  /** Path relative to the report, or what else names the picture where none lie beside it. */
  readonly file: string;
  /** `data:` URLs for the self-contained page; null leaves the picture out. */
  readonly pictureUrl: string | null;
  readonly heatMapUrl: string | null;
  /**
   * From the reference configuration at this seed and prompt; of a repeat, from the first run of its own configuration. Null for
   * the reference itself, and where the two have no picture in common or different sizes.
   */
  readonly difference: ReportDifference | null;
  /** By each encoder that was asked; empty when nothing was scored. */
  readonly faces: readonly ScoredFace[];
  readonly notes: PictureNotes;
}

export interface ReportConfiguration {
  /** Default: how the formats differ from the reference's. */
  readonly name?: string;
  readonly formats: Formats;
  /** Memory after loading the denoiser, and the highest of the run; null where not measured. Bytes. */
  readonly loadBytes: number | null;
  readonly peakBytes: number | null;
  /** Of one picture, and of one step without the first; medians, null where not measured. */
  readonly totalSeconds: number | null;
  readonly stepSeconds: number | null;
  /** Memory and time of each phase; see `phaseFigures`. */
  readonly phases: readonly PhaseFigures[];
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
  /** The first is the reference. */
  readonly configurations: readonly ReportConfiguration[];
}

/** What one encoder says of the faces of a configuration. */
export interface RowFaces {
  readonly encoder: FaceEncoder;
  /** Cosine with the identity. */
  readonly identity: PairedDifference | null;
  /** The same less the reference's at the same seed; null for the reference. */
  readonly identityDelta: PairedDifference | null;
  /** Cosine with the face of the reference's picture; null for the reference. */
  readonly likeness: PairedDifference | null;
}

export interface ReportRow {
  readonly name: string;
  readonly isReference: boolean;
  readonly configuration: ReportConfiguration;
  readonly peakDeltaBytes: number | null;
  /** Over seeds whose picture is not identical to the reference's; null when all are. */
  readonly psnr: PairedDifference | null;
  readonly ssim: PairedDifference | null;
  readonly flip: PairedDifference | null;
  readonly faceFlip: PairedDifference | null;
  readonly surroundingsFlip: PairedDifference | null;
  /** Pictures identical to the reference's, of how many compared. */
  readonly identical: number;
  readonly compared: number;
  /** By each encoder of the report, in the order of `reportEncoders`. */
  readonly faces: readonly RowFaces[];
  /** FLIP of repeats; null without repeats. */
  readonly floor: NoiseFloor | null;
  /** Null for the reference. */
  readonly verdict: string | null;
}

/** What is there, without the gaps. */
export const present = <T>(values: readonly (T | null | undefined)[]): T[] =>
  values.flatMap((value) => (value === null || value === undefined ? [] : [value]));

/** The encoders of all pictures, those that conditioned first. */
export function reportEncoders({ configurations }: Pick<ReportInput, 'configurations'>): FaceEncoder[] {
  return encodersOf(configurations.flatMap(({ pictures }) => pictures.map(({ faces }) => faces)));
}

function facesOf(
  encoder: FaceEncoder,
  own: readonly ReportPicture[],
  reference: readonly ReportPicture[] | null,
): RowFaces {
  const score = (picture: ReportPicture | undefined): number | null =>
    faceBy(encoder, picture?.faces ?? [])?.score ?? null;
  const counterpart = ({ seed, prompt }: ReportPicture): ReportPicture | undefined =>
    reference?.find((other) => other.seed === seed && other.prompt === prompt && other.repeat === 0);
  const compared = reference === null ? [] : own;
  return {
    encoder,
    identity: meanWithUncertainty(present(own.map(score))),
    identityDelta: pairedDifference(
      compared.map(score),
      compared.map((picture) => score(counterpart(picture))),
    ),
    likeness: meanWithUncertainty(present(compared.map(({ faces }) => faceBy(encoder, faces)?.likeness))),
  };
}

function rowOf(
  configuration: ReportConfiguration,
  reference: ReportConfiguration,
  prompts: readonly string[],
  encoders: readonly FaceEncoder[],
): ReportRow {
  const isReference = configuration === reference;
  const own = configuration.pictures.filter(({ repeat }) => repeat === 0);
  const repeats = configuration.pictures.filter(({ repeat }) => repeat > 0);
  const differences = isReference ? [] : present(own.map(({ difference }) => difference));
  const name = isReference
    ? 'Reference'
    : (configuration.name ?? variantName(configuration.formats, reference.formats));
  const peakDeltaBytes =
    configuration.peakBytes === null || reference.peakBytes === null
      ? null
      : configuration.peakBytes - reference.peakBytes;
  const faces = encoders.map((encoder) => facesOf(encoder, own, isReference ? null : reference.pictures));
  const flip = meanWithUncertainty(differences.map(({ whole }) => whole.flip));
  const floor = noiseFloor(present(repeats.map(({ difference }) => difference?.whole.flip)));
  return {
    name,
    isReference,
    configuration,
    peakDeltaBytes,
    psnr: meanWithUncertainty(present(differences.map(({ whole }) => whole.psnr))),
    ssim: meanWithUncertainty(present(differences.map(({ whole }) => whole.ssim))),
    flip,
    faceFlip: meanWithUncertainty(present(differences.map(({ face }) => face?.flip))),
    surroundingsFlip: meanWithUncertainty(present(differences.map(({ surroundings }) => surroundings?.flip))),
    identical: differences.filter(({ whole }) => whole.identical).length,
    compared: differences.length,
    faces,
    floor,
    verdict: isReference
      ? null
      : verdict({
          name,
          peakDeltaBytes,
          identities: faces.map(({ encoder: { encoder, conditioned }, identityDelta: delta }) => ({
            encoder,
            conditioned,
            delta,
          })),
          pictures: own.length,
          prompts: prompts.length,
          flip,
          floor,
        }),
  };
}

/** One row a configuration, in order. */
export function reportRows({ configurations, prompts }: ReportInput): ReportRow[] {
  const [reference] = configurations;
  if (reference === undefined) return [];
  const encoders = reportEncoders({ configurations });
  return configurations.map((configuration) => rowOf(configuration, reference, prompts, encoders));
}

/** A picture among those of its configuration: `seed 42`, or `prompt 2, seed 42` where there are several prompts. */
export function pictureLabel({ seed, prompt }: ReportPicture, prompts: readonly string[]): string {
  return prompts.length > 1 ? `prompt ${prompt + 1}, seed ${seed}` : `seed ${seed}`;
}

/** What the weight errors say, and whether the pictures agree with them; see `weightOrder`. */
export function weightNotes(input: ReportInput): string[] {
  const rows = reportRows(input);
  const reference = input.configurations[0]?.formats;
  if (reference === undefined) return [];
  return input.weightErrors.flatMap((errors) => {
    const differences = rows.flatMap(({ isReference, configuration: { formats }, flip }) => {
      const changed = QUANTIZED_COMPONENTS.filter((component) => formats[component] !== reference[component]);
      const alone = changed.length === 1 && changed[0] === errors.component;
      return isReference || !alone || flip === null ? [] : [{ format: formats[errors.component], flip }];
    });
    return weightOrder(errors, differences);
  });
}
