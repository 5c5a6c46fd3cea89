/** A comparison as a table to paste into an issue (Markdown) or a spreadsheet (CSV). Pure. */
import type { CompareRow, CompareTable } from '../contract/compare-data.js';
import type { Comparison } from '../contract/comparison.js';
import { variantLabel } from '../contract/formats.js';
import type { RunDetail } from '../contract/run.js';

const GIB = 2 ** 30;

const fixed = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));
const signed = (value: number | null, digits: number): string =>
  value === null ? '–' : `${value > 0 ? '+' : ''}${value.toFixed(digits)}`.replace(/^-/, '−');
const gib = (bytes: number | null): number | null => (bytes === null ? null : bytes / GIB);

function rowsOf(comparison: Comparison, table: CompareTable): (readonly [RunDetail, CompareRow])[] {
  return table.rows.flatMap((row) => {
    const run = comparison.runs.find((candidate) => candidate.id === row.runId);
    return run === undefined ? [] : [[run, row] as const];
  });
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ');
}

/** The table, with what all rows share above it and where the figures come from below. */
export function markdownReport(comparison: Comparison, table: CompareTable, appVersion: string): string {
  const reference = comparison.runs.find((run) => run.id === table.referenceRunId);
  const s = reference?.settings;
  const seeds = [...new Set(comparison.runs.map((run) => run.seed))];
  const lines = rowsOf(comparison, table).map(([run, row]) => {
    const psnr = row.difference === null ? '–' : row.difference.identical ? 'identical' : fixed(row.difference.psnr, 2);
    const cells = [
      variantLabel(run.formats) + (run.id === table.referenceRunId ? ' (reference)' : ''),
      String(run.seed),
      fixed(gib(row.loadBytes), 2),
      fixed(gib(row.peakBytes), 2),
      signed(gib(row.peakDelta), 2),
      fixed(row.totalSeconds, 1),
      fixed(row.stepSeconds, 3),
      psnr,
      fixed(row.difference?.ssim ?? null, 4),
      fixed(row.identityScore, 4),
      signed(row.identityDelta, 4),
    ];
    return `| ${cells.map(escapeCell).join(' | ')} |`;
  });
  const shared =
    s === undefined
      ? []
      : [
          `Prompt: ${s.prompt.replace(/\s+/g, ' ')}`,
          '',
          `${s.width}×${s.height}, ${s.steps} steps, guidance ${s.guidance}, conditioning scale ${s.conditioningScale}, ` +
            `InfuseNet from ${s.start} to ${s.end}, ${s.modelVariant}, ${s.provider}, seed ${seeds.join(', ')}.`,
          '',
        ];
  return [
    `# ${comparison.title.replace(/\s+/g, ' ')}`,
    '',
    ...shared,
    '| Variant | Seed | Load GiB | Peak GiB | Δ peak GiB | Seconds | s/step | PSNR dB | SSIM | Identity | Δ identity |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
    'PSNR and SSIM (gaussian 11, σ 1.5, luma) are the difference from the reference picture, not a quality. ' +
      `Memory: ${table.memorySources.join(', ') || 'not measured'}. Made with Likeness Lab ${appVersion}.`,
    '',
  ].join('\n');
}

/** A field that spreadsheets read as text: quoted, and never a formula. */
function csvField(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line per picture, plain numbers in bytes and seconds. RFC 4180, UTF-8 with a byte order mark. */
export function csvReport(comparison: Comparison, table: CompareTable): string {
  const header = [
    'run', 'reference', 'flux', 't5', 'infusenet', 'seed', 'repeat', 'width', 'height', 'steps', 'guidance',
    'conditioning_scale', 'start', 'end', 'model_variant', 'provider', 'load_bytes', 'peak_bytes', 'peak_delta_bytes',
    'total_seconds', 'step_seconds', 'identical', 'psnr_db', 'ssim', 'mean_absolute', 'max_absolute',
    'identity_score', 'identity_delta', 'pixel_hash', 'prompt',
  ]; // prettier-ignore
  const lines = rowsOf(comparison, table).map(([run, row]) => {
    const { settings: s, formats } = run;
    return [
      run.id,
      run.id === table.referenceRunId ? 'yes' : 'no',
      formats.flux,
      formats.t5,
      formats.infusenet,
      s.seed,
      run.repeat,
      s.width,
      s.height,
      s.steps,
      s.guidance,
      s.conditioningScale,
      s.start,
      s.end,
      s.modelVariant,
      s.provider,
      row.loadBytes,
      row.peakBytes,
      row.peakDelta,
      row.totalSeconds,
      row.stepSeconds,
      row.difference === null ? null : row.difference.identical ? 'yes' : 'no',
      row.difference?.psnr ?? null,
      row.difference?.ssim ?? null,
      row.difference?.meanAbsolute ?? null,
      row.difference?.maxAbsolute ?? null,
      row.identityScore,
      row.identityDelta,
      run.result?.pixelHash ?? null,
      s.prompt,
    ]
      .map(csvField)
      .join(',');
  });
  return `\ufeff${[header.join(','), ...lines].join('\r\n')}\r\n`;
}

/** A file name for any system: letters, digits and dashes of the title. */
export function reportFileName(title: string, extension: string): string {
  const stem = title
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .toLowerCase();
  return `likeness-lab-${stem === '' ? 'report' : stem}.${extension}`;
}
