/** Numbers for people: bytes, times, scores and differences. Pure; a real minus sign, never a hyphen. */

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** What stands where nothing is known. */
export const UNKNOWN = '–';

function signed(text: string, value: number): string {
  if (Number(text.replace(/[^\d.]/g, '')) === 0) return text;
  return value < 0 ? `−${text}` : `+${text}`;
}

/** Bytes in binary units: `22.4 GiB`, `812 MiB`, `96 KiB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return UNKNOWN;
  if (bytes >= 100 * GIB) return `${(bytes / GIB).toFixed(0)} GiB`;
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(bytes >= 10 * GIB ? 1 : 2)} GiB`;
  if (bytes >= 10 * MIB) return `${(bytes / MIB).toFixed(0)} MiB`;
  if (bytes >= MIB) return `${(bytes / MIB).toFixed(1)} MiB`;
  return `${Math.round(bytes / 1024)} KiB`;
}

/** A difference in bytes with its sign: `−1.35 GiB`, `+12 MiB`, `0 KiB`. */
export function formatBytesDelta(bytes: number | null): string {
  return bytes === null ? UNKNOWN : signed(formatBytes(Math.abs(bytes)), bytes);
}

/** A measured time: `0.42 s`, `12.3 s`, `2 min 05 s`. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** A difference in seconds with its sign. */
export function formatSecondsDelta(seconds: number | null): string {
  return seconds === null ? UNKNOWN : signed(formatSeconds(Math.abs(seconds)), seconds);
}

/** A remaining time, rounded so that it does not flicker: `a few seconds`, `about 40 s`, `about 3 min`. */
export function formatTimeLeft(seconds: number | null): string | null {
  if (seconds === null) return null;
  if (seconds < 5) return 'a few seconds';
  if (seconds < 60) return `about ${Math.round(seconds / 5) * 5} s`;
  if (seconds < 3570) return `about ${Math.round(seconds / 60)} min`;
  const halfHours = Math.round(seconds / 1800) / 2;
  return `about ${halfHours} h`;
}

/** A number with fixed digits: identity scores and SSIM with 3 or 4, PSNR with 1 or 2. */
export function formatNumber(value: number | null, digits: number): string {
  if (value === null) return UNKNOWN;
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A difference of such numbers, with its sign. */
export function formatNumberDelta(value: number | null, digits: number): string {
  return value === null ? UNKNOWN : signed(Math.abs(value).toFixed(digits), value);
}

/** `1 picture`, `3 pictures`. */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? singular : plural}`;
}
