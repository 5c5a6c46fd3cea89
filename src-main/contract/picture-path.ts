/**
 * Paths of pictures, the same over loopback HTTP and in Electron's `app:` scheme. They contain ids, which the host looks up
 * in its store.
 */
import { z } from 'zod';
import type { BlindSlot } from './blind-test.js';

const PICTURE_KINDS = [
  'result', // the PNG of a run, with its metadata
  'result-plain', // the same without any text in it, for sharing
  'result-thumb', // a small WebP of a run
  'preview', // one saved step of a run
  'photo', // an identity or pose photo
  'photo-thumb',
  'sample', // a photo that ships with the app
  'difference', // heat map of two runs
  'blind', // a hidden picture of a blind test
] as const;
export const pictureKindSchema = z.enum(PICTURE_KINDS);
export type PictureKind = z.infer<typeof pictureKindSchema>;

const PAIRS: ReadonlySet<PictureKind> = new Set(['difference', 'preview', 'blind']);

/** One part per id; parts are joined with dots. */
const PICTURE_ID = /^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})?$/;

export interface PictureRef {
  readonly kind: PictureKind;
  /** One id; two for `difference` (run, run), `preview` (run, step) and `blind` (test, trial and letter). */
  readonly ids: readonly string[];
}

const pathOf =
  (kind: PictureKind) =>
  (id: string): string =>
    `/picture/${kind}/${id}`;

export const resultPath = pathOf('result');
export const resultPlainPath = pathOf('result-plain');
export const resultThumbPath = pathOf('result-thumb');
export const photoPath = pathOf('photo');
export const photoThumbPath = pathOf('photo-thumb');
export const samplePath = pathOf('sample');

/** Path of a saved step; `step` is 1-based. */
export function previewPath(runId: string, step: number): string {
  return `/picture/preview/${runId}.${step}`;
}

/** Path of the heat map of `runId` against `referenceRunId`. */
export function differencePath(referenceRunId: string, runId: string): string {
  return `/picture/difference/${referenceRunId}.${runId}`;
}

/** Path of a letter's picture in a trial (0-based); the same picture has another path in every trial. */
export function blindPath(testId: string, trial: number, slot: BlindSlot): string {
  return `/picture/blind/${testId}.${trial}-${slot}`;
}

/**
 * Whether a browser may cache the picture. Results never change; a deleted photo must not remain, and a blind picture must
 * not be recognizable by loading faster.
 */
export function mayBeKept(kind: PictureKind): boolean {
  return kind !== 'blind' && !kind.startsWith('photo');
}

/** The picture of a request path; null without one. Never throws. */
export function parsePicturePath(path: string): PictureRef | null {
  const match = /^\/picture\/([a-z-]{1,20})\/([^/]{1,129})$/.exec(path);
  const kind = pictureKindSchema.safeParse(match?.[1]);
  const id = match?.[2] ?? '';
  if (!kind.success || !PICTURE_ID.test(id)) return null;
  const ids = id.split('.');
  const wanted = PAIRS.has(kind.data) ? 2 : 1;
  return ids.length === wanted ? { kind: kind.data, ids } : null;
}
