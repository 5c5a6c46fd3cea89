/** Greedy non-maximum suppression. */
import type { Point } from './umeyama.js';

/** A face before suppression, in pixels; its box may reach beyond the picture. */
export interface Detection {
  /** Left, top, right, bottom. */
  readonly box: readonly [number, number, number, number];
  /** Left eye, right eye, nose, left and right mouth corner. */
  readonly landmarks: readonly Point[];
  /** 0 to 1. */
  readonly score: number;
}

/**
 * Drops a detection that overlaps a better, kept one by more than `maxOverlap`.
 *
 * @param detections best score first
 * @param maxOverlap intersection over union
 * @returns the kept ones, in order
 */
export function suppressOverlaps(detections: readonly Detection[], maxOverlap: number): Detection[] {
  const kept: Detection[] = [];
  for (const detection of detections) {
    if (kept.every((better) => overlap(better.box, detection.box) <= maxOverlap)) kept.push(detection);
  }
  return kept;
}

/**
 * Intersection over union with both end pixels counted (lengths are right - left + 1).
 *
 * @source deepinsight/insightface: python-package/insightface/model_zoo/retinaface.py, `nms`
 */
function overlap(a: Detection['box'], b: Detection['box']): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]) + 1);
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]) + 1);
  const shared = width * height;
  return shared / (boxArea(a) + boxArea(b) - shared);
}

function boxArea([left, top, right, bottom]: Detection['box']): number {
  return (right - left + 1) * (bottom - top + 1);
}
