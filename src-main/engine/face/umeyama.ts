/** Aligns faces: the similarity transform that takes five landmarks to the template of the face network. */
import { AppError } from '../../base/app-error.js';
import { invariant } from '../../base/assert.js';

/** x, y in pixels. */
export type Point = readonly [number, number];

/** Row-major [2, 3]: x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5. */
export type AffineMatrix = readonly [number, number, number, number, number, number];

/** Side of the template's crop, pixels. */
export const ARCFACE_SIZE = 112;

/**
 * Where ArcFace expects left eye, right eye, nose, left and right mouth corner in a 112 x 112 crop.
 *
 * @source deepinsight/insightface: python-package/insightface/utils/face_align.py, `arcface_dst`
 */
export const ARCFACE_TEMPLATE: readonly Point[] = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

/** The template as the reference holds it: centre and offsets from it, each rounded to float32. */
const CENTRE: Point = [float32Mean(ARCFACE_TEMPLATE.map(([x]) => x)), float32Mean(ARCFACE_TEMPLATE.map(([, y]) => y))];
const OFFSETS: readonly Point[] = ARCFACE_TEMPLATE.map(([x, y]) => [
  Math.fround(Math.fround(x) - CENTRE[0]),
  Math.fround(Math.fround(y) - CENTRE[1]),
]);

/**
 * The similarity (rotation, one scale, translation, no reflection) that takes landmarks to the template with the least
 * squared distance. In two dimensions Umeyama's solution has this closed form for centred points x and y:
 * a = sum(x . y) / sum |x|^2 and b = sum(x cross y) / sum |x|^2. Float64, except for the template.
 *
 * @param landmarks five points in the template's order, in pixels of the picture
 * @returns [[a, -b, tx], [b, a, ty]], picture pixels to crop pixels
 * @throws AppError face.none-found when the landmarks coincide, are not finite or do not resemble a face
 * @source Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991)
 */
export function alignmentMatrix(landmarks: readonly Point[]): AffineMatrix {
  invariant(landmarks.length === OFFSETS.length, 'a face has five landmarks');
  const centreX = landmarks.reduce((sum, [x]) => sum + x, 0) / landmarks.length;
  const centreY = landmarks.reduce((sum, [, y]) => sum + y, 0) / landmarks.length;
  let dot = 0;
  let cross = 0;
  let norm = 0;
  landmarks.forEach(([px, py], i) => {
    const [qx, qy] = OFFSETS[i] as Point;
    const x = px - centreX;
    const y = py - centreY;
    dot += x * qx + y * qy;
    cross += x * qy - y * qx;
    norm += x * x + y * y;
  });
  if (!(norm > 0 && norm < Infinity && dot * dot + cross * cross > 0)) {
    throw new AppError('face.none-found', 'The five landmarks do not form a face, so it cannot be aligned.', {
      remedy: 'Choose a picture in which the face is larger and seen from the front.',
    });
  }
  const a = dot / norm;
  const b = cross / norm;
  return [a, -b, CENTRE[0] - (a * centreX - b * centreY), b, a, CENTRE[1] - (b * centreX + a * centreY)];
}

/** Mean of values rounded to float32, summed in order in float32. */
function float32Mean(values: readonly number[]): number {
  const sum = values.reduce((total, value) => Math.fround(total + Math.fround(value)), 0);
  return Math.fround(sum / values.length);
}
