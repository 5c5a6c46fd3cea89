import { PHASES } from '../../base/vocabulary.js';
import type { ReportInput, ReportPicture, ReportVariant } from './report-data.js';

const HEAD = [
  'name', 'reference', 'flux', 't5', 'infusenet', 'seed', 'prompt', 'repeat', 'load_bytes', 'peak_bytes', 'peak_delta_bytes',
  'step_seconds', 'total_seconds', 'identical', 'psnr_db', 'ssim', 'mean_absolute', 'max_absolute', 'flip',
  'face_psnr_db', 'face_flip', 'surroundings_psnr_db', 'surroundings_flip', 'identity_score', 'identity_encoder', 'face_cosine', 'second_identity_score',
  'second_identity_encoder', 'second_face_cosine', 'second_encoder_state', 'identity_state', 'decode', 'decode_tiles', 'decode_reason',
  'spill_from_step', 'spill_step_seconds', 'usual_step_seconds', 'second_try', 'ran_out_in', 'file',
  ...PHASES.flatMap((phase) => [`${phase}_peak_bytes`, `${phase}_seconds`]),
  'resident_weight_bytes', 'streamed_weight_bytes', 'from_disk_weight_bytes',
]; // prettier-ignore

type Field = string | number | boolean | null | undefined;

/** Quoted where needed; text that a spreadsheet would take for a formula starts with an apostrophe (CWE-1236). */
function csvField(value: Field): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Of the conditioning encoder, or of the second one. */
function faceFields(conditioned: boolean, faces: ReportPicture['faces']): Field[] {
  const face = faces.find((other) => other.conditioned === conditioned);
  return [face?.identityScore, face?.encoder, face?.faceCosine];
}

function fieldsOf(
  variant: ReportVariant,
  { seed, prompt, repeat, difference, faces, notes, file }: ReportPicture,
  prompts: readonly string[],
): Field[] {
  const { name, isReference, formats, loadBytes, peakBytes, stepSeconds, totalSeconds, phases, weightPlaces } = variant;
  const peakDelta = isReference && peakBytes !== null ? 0 : variant.peakDelta;
  const { decode, spill, retry, identityState } = notes;
  const { whole, face, surroundings } = difference ?? { whole: null, face: null, surroundings: null };
  return [
    name, isReference, formats.flux, formats.t5, formats.infusenet, seed, prompts[prompt], repeat, loadBytes, peakBytes,
    peakDelta, stepSeconds, totalSeconds, whole?.identical, whole?.psnr, whole?.ssim, whole?.meanAbsolute,
    whole?.maxAbsolute, whole?.flip, face?.psnr, face?.flip, surroundings?.psnr, surroundings?.flip,
    ...faceFields(true, faces), ...faceFields(false, faces), notes.secondEncoder, identityState, decode?.mode, decode?.tiles, decode?.reason, spill?.fromStep, spill?.stepSeconds, spill?.usualSeconds,
    retry !== null, retry?.stage, file, ...phases.flatMap((figures) => [figures.peakBytes, figures.seconds]),
    weightPlaces?.residentBytes, weightPlaces?.streamedBytes, weightPlaces?.fromDiskBytes,
  ]; // prettier-ignore
}

/**
 * One line per picture, including repeats (their difference is from the first run of the same settings). Bytes and seconds;
 * RFC 4180, UTF-8 with a byte order mark for spreadsheets.
 */
export function reportCsv(input: ReportInput): string {
  const lines = input.variants.flatMap((variant) =>
    variant.pictures.map((picture) => fieldsOf(variant, picture, input.prompts).map(csvField).join(',')),
  );
  return `\ufeff${[HEAD.join(','), ...lines].join('\r\n')}\r\n`;
}
