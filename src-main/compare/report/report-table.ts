/** The main table of a report as text cells: the published columns (Load, Peak, Δ) and the app's own. */
import type { PairedDifference } from '../statistics/paired-difference.js';
import type { FaceEncoder } from '../measures/face-encoders.js';
import { identityNotes } from './identity-notes.js';
import { noteSentences, variantPhrases } from './picture-notes.js';
import { GIB, gib, MISSING, plain, signed, uncertain } from './plain-numbers.js';
import { reportEncoders, weightNotes, type ReportInput, type ReportVariant } from './report-data.js';
import { streamingSentences } from './weight-places.js';

interface TableText {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const TABLE_HEAD = [
  'FLUX', 'T5', 'InfuseNet', 'Load GiB', 'Peak GiB', 'Δ peak GiB', 's/step', 'Total s', 'PSNR dB', 'SSIM', 'FLIP',
  'FLIP face', 'FLIP around', 'Noise floor',
]; // prettier-ignore
const FACE_HEAD = ['Identity', 'Δ identity', 'Face cosine'];

/** Columns from here on hold numbers. */
export const FIRST_NUMBER = 3;

const orMissing = <T>(value: T | null, text: (value: T) => string): string => (value === null ? MISSING : text(value));
const mean = (digits: number) => (value: PairedDifference) => plain(value.mean, digits);

function differenceCells(row: ReportVariant): string[] {
  if (row.isReference) return ['reference', ...Array<string>(4).fill(MISSING)];
  if (row.compared === 0) return Array<string>(5).fill(MISSING);
  if (row.identical === row.compared) return ['identical', '1', '0', '0', '0'];
  return [
    orMissing(row.psnr, mean(2)) + (row.identical > 0 ? ` (${row.identical} identical)` : ''),
    orMissing(row.ssim, mean(4)),
    orMissing(row.flip, (value) => uncertain(value, false)),
    orMissing(row.faceFlip, mean(3)),
    orMissing(row.surroundingsFlip, mean(3)),
  ];
}

function cellsOf(row: ReportVariant): string[] {
  const { formats, loadBytes, peakBytes, peakDelta, stepSeconds, totalSeconds } = row;
  return [
    formats.flux,
    formats.t5,
    formats.infusenet,
    gib(loadBytes),
    gib(peakBytes),
    orMissing(peakDelta, (bytes) => signed(bytes / GIB, 2)),
    orMissing(stepSeconds, (seconds) => plain(seconds, 3)),
    orMissing(totalSeconds, (seconds) => plain(seconds, 1)),
    ...differenceCells(row),
    orMissing(row.floor, ({ low, high }) => (low === high ? plain(high, 3) : `${plain(low, 3)} to ${plain(high, 3)}`)),
    ...row.faces.flatMap(({ identityScore, identityDelta, faceCosine }) => [
      orMissing(identityScore, mean(4)),
      orMissing(identityDelta, (value) => uncertain(value)),
      orMissing(faceCosine, mean(4)),
    ]),
  ];
}

/** Three columns per encoder, with its name where there are several. */
function headOf(encoders: readonly FaceEncoder[]): string[] {
  const faces = encoders.flatMap((encoder) =>
    FACE_HEAD.map((title) => (encoders.length > 1 ? `${title} (${encoder.encoder})` : title)),
  );
  return [...TABLE_HEAD, ...faces];
}

/** With a last column of notes, where there are any. */
export function reportTable(input: ReportInput): TableText {
  const rows = input.variants;
  const notes = rows.map((row) => variantPhrases(row).join(', '));
  const head = headOf(reportEncoders(input));
  if (notes.every((note) => note === '')) return { head, rows: rows.map(cellsOf) };
  return {
    head: [...head, 'Noted'],
    rows: rows.map((row, i) => [...cellsOf(row), notes[i] === '' ? MISSING : (notes[i] ?? MISSING)]),
  };
}

/** Explanations of the columns. */
export function reportNotes(input: ReportInput): string[] {
  return [
    `Memory: ${input.memorySource}. Δ is the difference from the first row. Times are medians over all pictures; s/step ` +
      'leaves out each picture’s first step, which warms up.',
    'PSNR, SSIM and FLIP are differences from the reference picture of the same seed' +
      `${input.prompts.length > 1 ? ' and prompt' : ''}, averaged; ± is half of the 95 % confidence interval ` +
      '(Student’s t over the pairs).',
    `PSNR over 8-bit sRGB. SSIM of luma, Gaussian window 11, σ 1.5. FLIP at ${plain(input.pixelsPerDegree, 1)} pixels ` +
      'per degree; 0 is no visible difference. “face” and “around” are its means inside and outside the face box of ' +
      'the reference picture.',
    'Noise floor: FLIP between repeats of the same settings. A difference that is not larger may be noise.',
    ...identityNotes(input),
    ...streamingSentences(input.variants),
    ...noteSentences(input),
    ...weightNotes(input),
    'LPIPS is left out: no package has its weights with a suitable licence.',
  ];
}
