/** Text and geometry of the detected faces drawn over a photo. */
import type { DetectedFaces, Face } from '$contract/photo';
import { countOf } from './format-amount';

/** What was found, in a sentence. */
export function facesSentence(found: DetectedFaces, chosen: number): string {
  const { faces, detector } = found;
  if (faces.length === 0) return 'No face was found. Choose a photo that shows the face from the front, larger.';
  if (detector === 'centred') return 'This pack has no face detector; the middle of the photo is taken as the face.';
  const face = faces[chosen];
  const size = face === undefined ? '' : `, ${Math.round(face.box[2] - face.box[0])} px wide`;
  if (faces.length === 1) return `One face found${size}.`;
  return `${countOf(faces.length, 'face')} found; face ${chosen + 1} is used${size}.`;
}

/** Short side of the box in picture pixels: below 112 the face network reads a blown-up crop. */
export function isSmallFace(face: Face): boolean {
  return Math.min(face.box[2] - face.box[0], face.box[3] - face.box[1]) < 112;
}
