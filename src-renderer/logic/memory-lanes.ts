/**
 * The memory figure of a variant: one lane per stage, because the stages follow each other and what one holds is
 * gone before the next. The longest lane is the peak.
 */
import type { ESTIMATE_PARTS, VariantEstimate } from '$contract/pack';

export type EstimatePart = (typeof ESTIMATE_PARTS)[number];

export interface Segment {
  readonly part: EstimatePart;
  readonly bytes: number;
  /** Fraction of the figure's width. */
  readonly width: number;
}
export interface Lane {
  readonly name: string;
  readonly bytes: number;
  readonly segments: readonly Segment[];
}

export const PART_NAMES: Readonly<Record<EstimatePart, string>> = {
  flux: 'FLUX',
  t5: 'T5',
  clip: 'CLIP',
  infusenet: 'InfuseNet',
  vae: 'VAE',
  activations: 'Activations',
};

/** Free memory this many times the largest peak would leave the bars too short to see: then it lies off the figure. */
const FREE_OFF_FIGURE = 4;
/** A little air at the right end. */
const AIR = 1.04;

/** Bytes at the full width of the figure, shared by all rows, so that their bars can be compared. */
export function figureBytes(estimates: readonly VariantEstimate[], freeBytes: number | null): number {
  const widest = Math.max(1, ...estimates.flatMap((estimate) => stages(estimate).map((stage) => sum(stage.parts))));
  const free = freeBytes !== null && freeBytes <= widest * FREE_OFF_FIGURE ? freeBytes : 0;
  return Math.max(widest, free) * AIR;
}

/** The lanes of one variant against a figure of `fullBytes`. */
export function memoryLanes(estimate: VariantEstimate, fullBytes: number): Lane[] {
  return stages(estimate).map(({ name, parts }) => ({
    name,
    bytes: sum(parts),
    segments: parts
      .filter(([, bytes]) => bytes > 0)
      .map(([part, bytes]) => ({ part, bytes, width: bytes / fullBytes })),
  }));
}

type Parts = readonly (readonly [EstimatePart, number])[];

function sum(parts: Parts): number {
  return parts.reduce((total, [, bytes]) => total + bytes, 0);
}

/** What each stage holds. Where neither text nor denoising reaches the peak, the rest of it is the decoder's work. */
function stages({ parts, peakBytes }: VariantEstimate): { name: string; parts: Parts }[] {
  const text: Parts = [
    ['t5', parts.t5],
    ['clip', parts.clip],
  ];
  const denoise: Parts = [
    ['flux', parts.flux],
    ['infusenet', parts.infusenet],
    ['activations', parts.activations],
  ];
  const before = Math.max(sum(text), sum(denoise));
  const decode: Parts = [
    ['vae', parts.vae],
    ['activations', peakBytes > before ? Math.max(0, peakBytes - parts.vae) : 0],
  ];
  return [
    { name: 'Text', parts: text },
    { name: 'Denoise', parts: denoise },
    { name: 'Decode', parts: decode },
  ];
}
