/** The "detector" of packs without one: pictures must be portraits in a known frame. */
import type { FaceReport } from '../protocol.js';
import { ARCFACE_SIZE, alignmentMatrix, type Point } from './umeyama.js';

/** Where a pack expects the face; from `pack.json`. */
export interface CentredLayout {
  /** Side of the square picture in which the landmarks are given, in pixels. */
  readonly imageSize: number;
  /** Left eye, right eye, nose, left and right mouth corner. */
  readonly landmarks: readonly Point[];
}

/**
 * The face of a picture framed as the pack expects. The largest centred square corresponds to the pack's picture, and
 * the landmarks scale with its side (pixel centres at half pixels).
 *
 * @param width pixels of the picture
 * @returns the face; its box is the part of the picture that the face network sees, its score is 1
 * @throws AppError face.none-found when the pack's landmarks coincide
 */
export function centredFace(width: number, height: number, layout: CentredLayout): FaceReport {
  const side = Math.min(width, height);
  const scale = side / layout.imageSize;
  const left = (width - side) / 2;
  const top = (height - side) / 2;
  const landmarks = layout.landmarks.map(([x, y]): Point => [
    (x + 0.5) * scale - 0.5 + left,
    (y + 0.5) * scale - 0.5 + top,
  ]);
  return { box: cropBounds(landmarks, width, height), landmarks, score: 1 };
}

/** Upright bounds of the aligned crop, limited to the picture. */
function cropBounds(landmarks: readonly Point[], width: number, height: number): FaceReport['box'] {
  const [a, minusB, tx, b, d, ty] = alignmentMatrix(landmarks);
  const determinant = a * d - minusB * b;
  const corners = [
    [0, 0],
    [ARCFACE_SIZE, 0],
    [0, ARCFACE_SIZE],
    [ARCFACE_SIZE, ARCFACE_SIZE],
  ] as const;
  const xs = corners.map(([x, y]) => (d * (x - tx) - minusB * (y - ty)) / determinant);
  const ys = corners.map(([x, y]) => (a * (y - ty) - b * (x - tx)) / determinant);
  return [
    Math.max(0, Math.min(...xs)),
    Math.max(0, Math.min(...ys)),
    Math.min(width, Math.max(...xs)),
    Math.min(height, Math.max(...ys)),
  ];
}
