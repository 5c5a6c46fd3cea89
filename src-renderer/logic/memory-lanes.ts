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

/** The full width of the figure in bytes: the largest peak or the free memory, and a little air. */
export function figureBytes(estimates: readonly VariantEstimate[], freeBytes: number | null): number {
  const lanes = estimates.flatMap((estimate) => memoryLanes(estimate, 1).map((lane) => lane.bytes));
  return Math.max(1, ...lanes, ...estimates.map((estimate) => estimate.peakBytes), freeBytes ?? 0) * 1.04;
}

/** The lanes of one variant against a figure of `fullBytes`. */
export function memoryLanes(estimate: VariantEstimate, fullBytes: number): Lane[] {
  const { parts } = estimate;
  const lane = (name: string, names: readonly EstimatePart[]): Lane => {
    const segments = names
      .map((part) => ({ part, bytes: parts[part], width: parts[part] / fullBytes }))
      .filter((segment) => segment.bytes > 0);
    return { name, bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0), segments };
  };
  return [lane('Text', ['t5', 'clip']), lane('Denoise', ['flux', 'infusenet', 'activations']), lane('Decode', ['vae'])];
}
