/**
 * The memory figure of a variant: one lane per stage, because each stage releases its memory before the next. The
 * longest lane is the peak.
 */
import type { ESTIMATE_PARTS, VariantEstimate } from '$contract/pack';
import { sentences, t } from '../../text/text.svelte';
import { formatBytes } from '../format-amount';
import { variantDescription } from '../runs/variant-name';

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

const NETWORKS: Readonly<Record<Exclude<EstimatePart, 'activations' | 'runtime'>, string>> = {
  flux: 'FLUX',
  t5: 'T5',
  clip: 'CLIP',
  infusenet: 'InfuseNet',
  vae: 'VAE',
};

export function partName(part: EstimatePart): string {
  return part === 'activations' || part === 'runtime' ? t(`memory.${part}`) : NETWORKS[part];
}

/** Memory that may be used, in bytes. */
export interface Room {
  /** Null where it cannot be read. */
  readonly freeBytes: number | null;
  /** Null without a limit. */
  readonly limitBytes: number | null;
}

/** Free memory within the limit; null where neither is known. */
export function usableBytes({ freeBytes, limitBytes }: Room): number | null {
  return limitBytes === null ? freeBytes : Math.min(limitBytes, freeBytes ?? Infinity);
}

/** Needed and free memory, an alternative that fits, and what is streamed, in sentences. */
export function memorySentence(estimate: VariantEstimate, room: Room): string {
  const { streamedBytes } = estimate;
  const needs = needsSentence(estimate, room);
  return streamedBytes === 0 ? needs : sentences([needs, t('memory.streams', { bytes: formatBytes(streamedBytes) })]);
}

function needsSentence(estimate: VariantEstimate, { freeBytes, limitBytes }: Room): string {
  const { fit, alternative } = estimate;
  const peak = formatBytes(estimate.peakBytes);
  if (limitBytes !== null && estimate.peakBytes > limitBytes)
    return t('memory.needs-over-limit', { peak, limit: formatBytes(limitBytes) });
  if (fit === 'unknown' || freeBytes === null) return t('memory.needs-unknown', { peak });
  const free = formatBytes(freeBytes);
  if (fit === 'fits') return t('memory.needs-fits', { peak, free });
  if (fit === 'tight') return t('memory.needs-tight', { peak, free });
  return alternative === null
    ? t('memory.needs-too-big', { peak, free })
    : t('memory.needs-alternative', { peak, free, formats: variantDescription(alternative) });
}

/** Free memory above this multiple of the largest peak is not drawn: the bars would be too short to see. */
const FREE_OFF_FIGURE = 4;
/** Leaves some space at the right end. */
const MARGIN = 1.04;

/** Bytes at the full width of the figure; all rows share it, so that bars can be compared. */
export function figureBytes(estimates: readonly VariantEstimate[], room: Room): number {
  const widest = Math.max(1, ...estimates.flatMap((estimate) => stages(estimate).map((stage) => sum(stage.parts))));
  const usable = usableBytes(room) ?? 0;
  const free = usable <= widest * FREE_OFF_FIGURE ? usable : 0;
  return Math.max(widest, free) * MARGIN;
}

/** The lanes of one variant in a figure `fullBytes` wide. */
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

/** Memory by stage. If neither text nor denoising reaches the peak, the decoder's activations do. */
function stages({ parts, peakBytes }: VariantEstimate): { name: string; parts: Parts }[] {
  const text: Parts = [
    ['t5', parts.t5],
    ['clip', parts.clip],
    ['runtime', parts.runtime],
  ];
  const denoise: Parts = [
    ['flux', parts.flux],
    ['infusenet', parts.infusenet],
    ['activations', parts.activations],
    ['runtime', parts.runtime],
  ];
  const before = Math.max(sum(text), sum(denoise));
  const decode: Parts = [
    ['vae', parts.vae],
    ['activations', peakBytes > before ? Math.max(0, peakBytes - parts.vae - parts.runtime) : 0],
    ['runtime', parts.runtime],
  ];
  return [
    { name: t('memory.text'), parts: text },
    { name: t('memory.denoise'), parts: denoise },
    { name: t('memory.decode'), parts: decode },
  ];
}
