/** The compare table as text: for the screen, and as CSV for comparisons that have no report of their own. */
import type { CompareRow } from '$contract/compare-data';
import { formatBytes, formatNumber, formatSeconds, UNKNOWN } from './format-amount';

/** PSNR for people: `identical`, `34.2 dB`. */
export function psnrText(row: CompareRow): string {
  if (row.difference === null) return UNKNOWN;
  if (row.difference.identical) return 'identical';
  return `${formatNumber(row.difference.psnr, 1)} dB`;
}

/** SSIM for people. */
export function ssimText(row: CompareRow): string {
  if (row.difference === null) return UNKNOWN;
  return row.difference.identical ? '1' : formatNumber(row.difference.ssim, 4);
}

/** A row in one line under a picture: `peak 12.0 GiB, 40.0 s, PSNR 34.2 dB, identity 0.790`. */
export function rowFacts(row: CompareRow, isReference: boolean): string {
  const parts: string[] = [];
  if (row.peakBytes !== null) parts.push(`peak ${formatBytes(row.peakBytes)}`);
  if (row.totalSeconds !== null) parts.push(formatSeconds(row.totalSeconds));
  if (isReference) parts.push('reference');
  else if (row.difference !== null) parts.push(row.difference.identical ? 'identical' : `PSNR ${psnrText(row)}`);
  if (row.identityScore !== null) parts.push(`identity ${formatNumber(row.identityScore, 3)}`);
  return parts.join(', ');
}

function csvCell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  // A leading sign or formula character would be run by spreadsheets.
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const COLUMNS = [
  'variant',
  'seed',
  'load_bytes',
  'load_delta_bytes',
  'peak_bytes',
  'peak_delta_bytes',
  'seconds',
  'seconds_delta',
  'step_seconds',
  'psnr_db',
  'ssim',
  'mean_abs',
  'identity',
  'identity_delta',
] as const;

/** The table as CSV (RFC 4180, CRLF), the reference first. */
export function tableCsv(
  rows: readonly CompareRow[],
  nameOf: (runId: string) => { name: string; seed: number },
): string {
  const lines = rows.map((row) => {
    const { name, seed } = nameOf(row.runId);
    return [
      name,
      seed,
      row.loadBytes,
      row.loadDelta,
      row.peakBytes,
      row.peakDelta,
      row.totalSeconds,
      row.secondsDelta,
      row.stepSeconds,
      row.difference?.psnr ?? null,
      row.difference?.ssim ?? null,
      row.difference?.meanAbsolute ?? null,
      row.identityScore,
      row.identityDelta,
    ]
      .map(csvCell)
      .join(',');
  });
  return [COLUMNS.join(','), ...lines, ''].join('\r\n');
}
