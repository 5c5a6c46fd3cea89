/** Numbers in the page's language: bytes, times, scores and differences, with a minus sign instead of a hyphen. */
import { formatDecimal, t } from '../text/text.svelte';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Shown instead of an unknown value. */
export const UNKNOWN = '–';

/** An amount with its sign; without a sign if it rounds to 0. */
function signed(format: (value: number) => string, value: number): string {
  const text = format(Math.abs(value));
  if (text === format(0)) return text;
  return value < 0 ? `−${text}` : `+${text}`;
}

/** Bytes in binary units: `22.4 GiB`, `812 MiB`, `96 KiB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return UNKNOWN;
  const gib = (digits: number): string => t('unit.gib', { value: formatDecimal(bytes / GIB, digits) });
  const mib = (digits: number): string => t('unit.mib', { value: formatDecimal(bytes / MIB, digits) });
  if (bytes >= 100 * GIB) return gib(0);
  if (bytes >= GIB) return gib(bytes >= 10 * GIB ? 1 : 2);
  if (bytes >= MIB) return mib(bytes >= 10 * MIB ? 0 : 1);
  return t('unit.kib', { value: Math.round(bytes / 1024) });
}

/** A difference in bytes with its sign: `−1.35 GiB`, `+12 MiB`, `0 KiB`. */
export function formatBytesDelta(bytes: number | null): string {
  return bytes === null ? UNKNOWN : signed(formatBytes, bytes);
}

/** A measured time: `0.42 s`, `12.3 s`, `2 min 05 s`. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  if (seconds < 99.95) return t('unit.seconds', { value: formatDecimal(seconds, seconds < 10 ? 2 : 1) });
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  const whole = Math.round(seconds);
  if (whole < 3600)
    return t('unit.minutes-seconds', { minutes: Math.floor(whole / 60), seconds: twoDigits(whole % 60) });
  const minutes = Math.round(whole / 60);
  return t('unit.hours-minutes', { hours: Math.floor(minutes / 60), minutes: twoDigits(minutes % 60) });
}

/** A difference in seconds with its sign. */
export function formatSecondsDelta(seconds: number | null): string {
  return seconds === null ? UNKNOWN : signed(formatSeconds, seconds);
}

/** A remaining time, rounded so that it changes seldom: `a few seconds`, `about 40 s`, `about 3 min`. */
export function formatTimeLeft(seconds: number | null): string | null {
  if (seconds === null) return null;
  if (seconds < 5) return t('time.few-seconds');
  if (seconds < 60) return t('time.about-seconds', { value: Math.round(seconds / 5) * 5 });
  if (seconds < 3570) return t('time.about-minutes', { value: Math.round(seconds / 60) });
  return t('time.about-hours', { value: Math.round(seconds / 1800) / 2 });
}

/** A number with a fixed number of decimals. */
export function formatNumber(value: number | null, digits: number): string {
  if (value === null) return UNKNOWN;
  const text = signed((size) => formatDecimal(size, digits), value);
  return value < 0 ? text : text.replace(/^\+/, '');
}

/** A difference with its sign and a fixed number of decimals. */
export function formatNumberDelta(value: number | null, digits: number): string {
  return value === null ? UNKNOWN : signed((size) => formatDecimal(size, digits), value);
}

/** A fraction as percent with two significant digits: `2.6 %`. */
export function formatPercent(share: number): string {
  return t('unit.percent', { value: Number((share * 100).toPrecision(2)) });
}
