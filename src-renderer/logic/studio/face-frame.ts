/** Text about detected faces. */
import type { DetectedFaces, Face } from '$contract/photo';
import { t } from '../../text/text.svelte';

/** Result of the detection, in a sentence. */
export function facesSentence(found: DetectedFaces, chosen: number): string {
  const { faces, detector } = found;
  if (faces.length === 0) return t('faces.none');
  if (detector === 'centred') return t('faces.centred');
  const face = faces[chosen];
  const width = face === undefined ? null : Math.round(face.box[2] - face.box[0]);
  if (faces.length === 1) return width === null ? t('faces.one') : t('faces.one-wide', { width });
  const count = faces.length;
  const number = chosen + 1;
  return width === null ? t('faces.several', { count, number }) : t('faces.several-wide', { count, number, width });
}

/** Whether a face is smaller than the face network's crop of 112 × 112 pixels, so that it must be enlarged. */
export function isSmallFace(face: Face): boolean {
  return Math.min(face.box[2] - face.box[0], face.box[3] - face.box[1]) < 112;
}
