/** Summary of a variant over its pictures, which the table, the verdict and every form of report show. */
import type { FormatChoice } from '../../base/vocabulary.js';
import { encodersOf, faceBy, type FaceEncoder, type ScoredFace } from '../measures/face-encoders.js';
import type { RegionMetrics } from '../measures/picture-metrics.js';
import { present } from '../statistics/medians.js';
import { noiseFloor, type NoiseFloor } from '../statistics/noise-floor.js';
import { meanWithUncertainty, pairedDifference, type PairedDifference } from '../statistics/paired-difference.js';
import { verdictOf, type Verdict } from '../statistics/verdict.js';
import type { PhaseFigures } from './phase-figures.js';
import type { WeightPlaces } from './weight-places.js';

/** Difference of one picture from another of the same seed, as numbers. */
interface MeasuredDifference {
  readonly whole: RegionMetrics;
  readonly face: RegionMetrics | null;
  readonly surroundings: RegionMetrics | null;
}

export interface MeasuredPicture {
  readonly seed: number;
  /** Index of the prompt. */
  readonly prompt: number;
  /** 0 for the picture itself, 1 and up for repeats of the same settings. */
  readonly repeat: number;
  /**
   * From the reference's picture of this seed and prompt; of a repeat, from the first run of its own variant. Null for the
   * reference, without such a picture, and for different sizes.
   */
  readonly difference: MeasuredDifference | null;
  /** By encoder; empty when nothing was scored. */
  readonly faces: readonly ScoredFace[];
}

/** Figures of a variant that do not depend on the reference. */
interface VariantFigures {
  /** Its formats and other settings that differ from the reference's; see `base/variant-name.ts`. */
  readonly name: string;
  readonly formats: FormatChoice;
  /** Bytes after loading the denoiser, and at the run's peak; null where not measured. */
  readonly loadBytes: number | null;
  readonly peakBytes: number | null;
  /** Medians of a picture, and of a step without the first; null where not measured. */
  readonly totalSeconds: number | null;
  readonly stepSeconds: number | null;
  /** Memory and time of each phase; see `phaseFigures`. */
  readonly phases: readonly PhaseFigures[];
  /** Medians; null where the provider holds all weights. */
  readonly weightPlaces: WeightPlaces | null;
}

export interface MeasuredVariant extends VariantFigures {
  readonly pictures: readonly MeasuredPicture[];
}

/** Figures of a variant's faces by one encoder. */
export interface VariantFace extends FaceEncoder {
  /** Cosine with the identity. */
  readonly identityScore: PairedDifference | null;
  /** The same less the reference's at the same seed; null for the reference. */
  readonly identityDelta: PairedDifference | null;
  /** Cosine with the face of the reference's picture; null for the reference. */
  readonly faceCosine: PairedDifference | null;
}

export interface VariantSummary extends VariantFigures {
  readonly isReference: boolean;
  /** Null for the reference, and where either was not measured. */
  readonly peakDelta: number | null;
  /** Over pictures that are not identical to the reference's; null when all are. */
  readonly psnr: PairedDifference | null;
  readonly ssim: PairedDifference | null;
  readonly flip: PairedDifference | null;
  readonly faceFlip: PairedDifference | null;
  readonly surroundingsFlip: PairedDifference | null;
  /** Pictures identical to the reference's, of how many compared. */
  readonly identical: number;
  readonly compared: number;
  /** By encoder, conditioning ones first. */
  readonly faces: readonly VariantFace[];
  /** FLIP of repeats; null without repeats. */
  readonly floor: NoiseFloor | null;
  /** Null for the reference, and for a variant without a seed and prompt in common with it. */
  readonly verdict: Verdict | null;
}

type Counterpart = (picture: MeasuredPicture) => MeasuredPicture | undefined;

function faceOf(encoder: FaceEncoder, own: readonly MeasuredPicture[], counterpart: Counterpart | null): VariantFace {
  const score = (picture: MeasuredPicture | undefined): number | null =>
    faceBy(encoder, picture?.faces ?? [])?.identityScore ?? null;
  const compared = counterpart === null ? [] : own;
  return {
    ...encoder,
    identityScore: meanWithUncertainty(present(own.map(score))),
    identityDelta: pairedDifference(
      compared.map(score),
      compared.map((picture) => score(counterpart?.(picture))),
    ),
    faceCosine: meanWithUncertainty(present(compared.map(({ faces }) => faceBy(encoder, faces)?.faceCosine))),
  };
}

function summarize(
  { pictures, ...figures }: MeasuredVariant,
  reference: MeasuredVariant | null,
  encoders: readonly FaceEncoder[],
  prompts: number,
): VariantSummary {
  const own = pictures.filter(({ repeat }) => repeat === 0);
  const repeats = pictures.filter(({ repeat }) => repeat > 0);
  const counterpart: Counterpart = ({ seed, prompt }) =>
    reference?.pictures.find((other) => other.seed === seed && other.prompt === prompt && other.repeat === 0);
  const differences = reference === null ? [] : present(own.map(({ difference }) => difference));
  const [peak, referencePeak] = [figures.peakBytes, reference?.peakBytes ?? null];
  const peakDelta = peak === null || referencePeak === null ? null : peak - referencePeak;
  const faces = encoders.map((encoder) => faceOf(encoder, own, reference === null ? null : counterpart));
  const flip = meanWithUncertainty(differences.map(({ whole }) => whole.flip));
  const floor = noiseFloor(present(repeats.map(({ difference }) => difference?.whole.flip)));
  return {
    ...figures,
    isReference: reference === null,
    peakDelta,
    psnr: meanWithUncertainty(present(differences.map(({ whole }) => whole.psnr))),
    ssim: meanWithUncertainty(present(differences.map(({ whole }) => whole.ssim))),
    flip,
    faceFlip: meanWithUncertainty(present(differences.map(({ face }) => face?.flip))),
    surroundingsFlip: meanWithUncertainty(present(differences.map(({ surroundings }) => surroundings?.flip))),
    identical: differences.filter(({ whole }) => whole.identical).length,
    compared: differences.length,
    faces,
    floor,
    verdict: own.some((picture) => counterpart(picture) !== undefined)
      ? verdictOf({
          peakDelta,
          identities: faces.map(({ encoder, conditioned, identityDelta: delta }) => ({ encoder, conditioned, delta })),
          pictures: own.length,
          prompts,
          flip,
          floor,
        })
      : null,
  };
}

/** One summary per variant, in order. @param variants the first is the reference */
export function summarizeVariants(variants: readonly MeasuredVariant[]): VariantSummary[] {
  const pictures = variants.flatMap((variant) => variant.pictures);
  const encoders = encodersOf(pictures.map(({ faces }) => faces));
  const prompts = new Set(pictures.map(({ prompt }) => prompt)).size;
  const [reference] = variants;
  return variants.map((variant) =>
    summarize(variant, variant === reference ? null : (reference ?? null), encoders, prompts),
  );
}
