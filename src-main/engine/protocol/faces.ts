/** Finding faces in a photo. */
import type { Provider } from '../../base/vocabulary.js';

export interface FaceReport {
  /** x0, y0, x1, y1 in pixels of the upright source picture. */
  readonly box: readonly [number, number, number, number];
  /** Left eye, right eye, nose, left and right mouth corner. */
  readonly landmarks: readonly (readonly [number, number])[];
  readonly score: number;
}

/** Detects faces in a picture with the pack's detector (or its fixed landmarks). */
export interface DetectFacesRequest {
  readonly packPath: string;
  readonly cachePath: string;
  readonly provider: Provider;
  readonly imagePath: string;
}
export interface DetectFacesResult {
  readonly kind: 'detect-faces';
  readonly imageWidth: number;
  readonly imageHeight: number;
  /** Largest first. */
  readonly faces: readonly FaceReport[];
  /** `scrfd` at which detection size, or `centred`. */
  readonly detector: string;
}
