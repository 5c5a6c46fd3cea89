/** Face encoders of a comparison: the one that also conditioned its pictures, and a second one if there is one. */
import type { CompareRow, CompareVariant, VariantFace } from '$contract/compare-data';
import type { RunDetail } from '$contract/run';
import { commas, formatList, sentences, t } from '../../text/text.svelte';
import { formatNumber, UNKNOWN } from '../format-amount';
import { secondEncoderText } from '../runs/run-notes';

export interface EncoderRole {
  /** Whether the encoder also conditioned the pictures. */
  readonly conditioned: boolean;
  /** Several if pictures of several packs are compared; empty if no picture was scored. */
  readonly names: readonly string[];
}

/** The conditioning encoder, and a second one if it scored any picture. */
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

/** Explains an encoder's column: its bias, and why there is no second encoder. */
export function roleTitle(role: EncoderRole, roles: readonly EncoderRole[], runs: readonly RunDetail[]): string {
  const encoder = namesText(role);
  if (!role.conditioned) return t('table.identity.second-title', { encoder });
  const reasons = [...new Set(runs.flatMap(({ result }) => secondEncoderText(result?.secondEncoder ?? null) ?? []))];
  return sentences([
    t('table.identity.title', { encoder }),
    ...(roles.length > 1 || reasons.length === 0 ? [] : [t('table.no-second', { reason: commas(reasons) })]),
  ]);
}

export function faceCosineTitle(roles: readonly EncoderRole[]): string {
  return t('table.face-cosine.title', { encoder: formatList(roles.map(namesText)) });
}

type RowFace = CompareRow['faces'][number];

/** A picture's face values by the encoder of a role; undefined if it did not score the picture. */
export function faceOf(row: CompareRow | undefined, { conditioned }: EncoderRole): RowFace | undefined {
  return row?.faces.find((face) => face.conditioned === conditioned);
}

/** A variant's face values by the encoder of a role; of several encoders the one that scored it. */
export function variantFaceOf(variant: CompareVariant, { conditioned }: EncoderRole): VariantFace | undefined {
  return variant.faces.find((face) => face.conditioned === conditioned && face.identityScore !== null);
}

/** A face cosine: `0.982`. */
export function faceCosineText(cosine: number | null | undefined): string {
  return cosine === null || cosine === undefined ? UNKNOWN : formatNumber(cosine, 3);
}
