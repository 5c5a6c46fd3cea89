/** Notes on a run: decoding in tiles, a full GPU, a second try, a missing identity score. */
import type { RunDetail, RunResult, RunSummary, WeightPlaces } from '$contract/run';
import { t } from '../../text/text.svelte';
import { formatBytes, formatNumber, formatSeconds, UNKNOWN } from '../format-amount';

/** `in 8 tiles: the whole needs 3.1 GiB, 2.0 GiB were free`. */
export function decodeText({ mode, tiles: count, reason, wholeBytes, freeBytes }: RunResult['decode']): string {
  if (mode === 'whole') return t(reason === 'asked' ? 'decode.whole-asked' : 'decode.whole');
  switch (reason) {
    case 'out-of-memory':
      return t('decode.tiles-ran-out', { count });
    case 'estimate':
      return t('decode.tiles-estimate', { count, whole: formatBytes(wholeBytes), free: formatBytes(freeBytes) });
    default:
      return t('decode.tiles-asked', { count });
  }
}

/** `resident 7.25 GiB, streamed 14.9 GiB in each step (3.10 GiB from disk)`. */
export function placesText({ residentBytes, streamedBytes, fromDiskBytes }: WeightPlaces): string {
  const amounts = { resident: formatBytes(residentBytes), streamed: formatBytes(streamedBytes) };
  if (streamedBytes === 0) return t('places.held', amounts);
  return fromDiskBytes === 0
    ? t('places.streamed', amounts)
    : t('places.from-disk', { ...amounts, disk: formatBytes(fromDiskBytes) });
}

/** How much a full GPU slowed the run, in a sentence. */
export function spillText({
  fromStep,
  stepSeconds,
  usualSeconds,
  usedBytes,
  totalBytes,
}: NonNullable<RunResult['spill']>): string {
  return t('spill.sentence', {
    step: fromStep,
    seconds: formatSeconds(stepSeconds),
    usual: formatSeconds(usualSeconds),
    used: formatBytes(usedBytes),
    total: formatBytes(totalBytes),
  });
}

/** Why there was a second try; null if there was none. */
export function retryText({ retry }: RunDetail): string | null {
  if (retry === null) return null;
  return retry.stage === null ? t('retry.ran-out') : t('retry.ran-out-at', { stage: t(`stage.${retry.stage}`) });
}

/** The score, or a short reason why there is none; a dash if that is unknown. */
export function identityText(
  { identityScore, identityState }: Pick<RunSummary, 'identityScore' | 'identityState'>,
  digits: number,
): string {
  if (identityScore !== null) return formatNumber(identityScore, digits);
  return identityState === null || identityState === 'scored' ? UNKNOWN : t(`identity.${identityState}`);
}

/** Why there is no score, in a sentence; null if there is one or the picture is not made yet. */
export function identityReason({
  identityScore,
  identityState,
}: Pick<RunSummary, 'identityScore' | 'identityState'>): string | null {
  if (identityScore !== null || identityState === null || identityState === 'scored') return null;
  return t(`identity.${identityState}.title`);
}

/** Why no second encoder scored; null if one did, and without an identity. */
export function secondEncoderText(state: RunResult['secondEncoder']): string | null {
  return state === null || state === 'used' ? null : t(`second.${state}`);
}

/** The score by the conditioning or the second encoder, or a short reason why there is none. */
export function roleScoreText(run: RunDetail, conditioned: boolean, digits: number): string {
  if (conditioned) return identityText(run, digits);
  const second = run.result?.faceScores.find((face) => !face.conditioned);
  if (second === undefined) return UNKNOWN;
  return second.identityScore === null ? identityText(run, digits) : formatNumber(second.identityScore, digits);
}

export interface RunMark {
  readonly text: string;
  readonly title: string;
  readonly warns: boolean;
}

/** Short marks on a run in a table, with a whole sentence as title. */
export function runMarks(run: RunDetail): RunMark[] {
  const { result, retry } = run;
  const marks: RunMark[] = [];
  if (result?.decode.mode === 'tiles')
    marks.push({ text: t('decoded.tiles'), title: t('decode.mark.title'), warns: false });
  if (retry !== null) marks.push({ text: t('retry.mark'), title: t('retry.title'), warns: false });
  if (result !== null && result.spill !== null)
    marks.push({ text: t('spill.mark', { step: result.spill.fromStep }), title: spillText(result.spill), warns: true });
  return marks;
}
