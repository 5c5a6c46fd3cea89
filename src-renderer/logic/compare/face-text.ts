/** Who scored the faces of a comparison: the encoder that also conditioned its pictures, and a second one if any. */
import type { CompareRow, CompareVariant, VariantFace } from '$contract/compare-data';
import type { RunDetail } from '$contract/run';
import { commas, formatList, sentences, t } from '../../text/text.svelte';
import { formatNumber, UNKNOWN } from '../format-amount';
import { secondEncoderText } from '../runs/run-notes';

export interface EncoderRole {
  /** Whether it also conditioned the pictures. */
  readonly conditioned: boolean;
  /** More than one where pictures of several packs are compared; empty where none was scored. */
  readonly names: readonly string[];
}

/** The conditioning encoder, and a second one where any picture was scored by one. */
export function encoderRoles(runs: readonly RunDetail[]): EncoderRole[] {
  const faces = runs.flatMap(({ result }) => result?.faceScores ?? []);
  const role = (conditioned: boolean): EncoderRole => ({
    conditioned,
    names: [...new Set(faces.flatMap((face) => (face.conditioned === conditioned ? face.encoder : [])))],
  });
  return [role(true), ...(faces.some(({ conditioned }) => !conditioned) ? [role(false)] : [])];
}

function namesText({ names }: EncoderRole): string {
  return names.length === 0 ? t('encoder.unnamed') : formatList(names);
}

/** What its column is, whether it can be trusted, and why there is no second one. */
export function roleTitle(role: EncoderRole, roles: readonly EncoderRole[], runs: readonly RunDetail[]): string {
  const encoder = namesText(role);
  if (!role.conditioned) return t('table.identity.second-title', { encoder });
  const reasons = [...new Set(runs.flatMap(({ result }) => secondEncoderText(result?.secondEncoder ?? null) ?? []))];
  return sentences([
    t('table.identity.title', { encoder }),
    ...(roles.length > 1 || reasons.length === 0 ? [] : [t('table.no-second', { reason: commas(reasons) })]),
  ]);
}

/** What the column of face cosines is. */
export function faceCosineTitle(roles: readonly EncoderRole[]): string {
  return t('table.face-cosine.title', { encoder: formatList(roles.map(namesText)) });
}

type RowFace = CompareRow['faces'][number];

/** What the encoder of a role says of a picture; undefined where it was not asked. */
export function faceOf(row: CompareRow | undefined, { conditioned }: EncoderRole): RowFace | undefined {
  return row?.faces.find((face) => face.conditioned === conditioned);
}

/** The same of a variant: of several encoders the one that scored it. */
export function variantFaceOf(variant: CompareVariant, { conditioned }: EncoderRole): VariantFace | undefined {
  return variant.faces.find((face) => face.conditioned === conditioned && face.identityScore !== null);
}

/** A face cosine: `0.982`. */
export function faceCosineText(cosine: number | null | undefined): string {
  return cosine === null || cosine === undefined ? UNKNOWN : formatNumber(cosine, 3);
}
