/** Numbers of the compare table as text. */
import type { CompareRow, CompareVariant, PhaseFigures, PictureDifference, Uncertain } from '$contract/compare-data';
import { t } from '../../text/text.svelte';
import { formatBytesDelta, formatNumber, formatNumberDelta, UNKNOWN } from '../format-amount';

function decibels(psnr: number | null): string {
  return psnr === null ? UNKNOWN : t('unit.decibel', { value: formatNumber(psnr, 1) });
}

/** `identical`, `34.2 dB`. */
export function psnrText(row: CompareRow): string {
  if (row.difference === null) return UNKNOWN;
  const { identical, psnr } = row.difference.whole;
  return identical ? t('table.identical') : decibels(psnr);
}

export function ssimText(row: CompareRow): string {
  if (row.difference === null) return UNKNOWN;
  const { identical, ssim } = row.difference.whole;
  return identical ? '1' : formatNumber(ssim, 4);
}

export function flipText(row: CompareRow): string {
  return row.difference === null ? UNKNOWN : formatNumber(row.difference.whole.flip, 3);
}

/** FLIP inside and outside the face: `face 0.051, around 0.020`; null without a face. */
export function regionText({ face, surroundings }: PictureDifference): string | null {
  if (face === null) return null;
  const inside = formatNumber(face.flip, 3);
  return surroundings === null
    ? t('table.face-flip', { flip: inside })
    : t('table.face-around', { face: inside, around: formatNumber(surroundings.flip, 3) });
}

export function meanText(value: Uncertain | null, digits: number): string {
  return value === null ? UNKNOWN : formatNumber(value.mean, digits);
}

/** Half of the confidence interval: `± 0.006`; null for a single pair. */
export function halfWidthText(value: Uncertain | null, digits: number): string | null {
  return value === null || value.halfWidth === null ? null : `± ${formatNumber(value.halfWidth, digits)}`;
}

/** A mean difference with its uncertainty: `−0.004 ± 0.006`. */
export function deltaText(value: Uncertain | null, digits: number): string {
  if (value === null) return UNKNOWN;
  const half = halfWidthText(value, digits);
  return `${formatNumberDelta(value.mean, digits)}${half === null ? '' : ` ${half}`}`;
}

/** Peak memory of a phase minus the baseline's: `−2.4 GiB`; null if either is unknown. */
export function phaseDelta({ phase, peakBytes }: PhaseFigures, baseline: readonly PhaseFigures[]): string | null {
  const base = baseline.find((other) => other.phase === phase)?.peakBytes ?? null;
  return peakBytes === null || base === null ? null : formatBytesDelta(peakBytes - base);
}

/** Mean PSNR of a variant; `identical` if every picture is. */
export function variantPsnrText({ identical, compared, psnr }: CompareVariant): string {
  if (compared === 0) return UNKNOWN;
  return identical === compared ? t('table.identical') : decibels(psnr?.mean ?? null);
}
