/** Digests of what OpenCV and Pillow make of drawings and generated pictures. */
import { createHash } from 'node:crypto';
import type { Point } from '../../../../src-main/engine/face/umeyama.js';
import type { RgbImage } from '../../../../src-main/engine/image/rgb-image.js';
import { readFixtureJson } from '../../support/read-fixture.js';

interface FacePixels {
  readonly drawings: readonly { width: number; height: number; landmarks: Point[]; sha256: string }[];
  readonly resizes: readonly {
    source: [number, number];
    seed: number;
    target: [number, number];
    bilinear: string;
    lanczos: string;
  }[];
}

export const FACE_PIXELS = readFixtureJson<FacePixels>('face/face-pixels.json');

/** The same noise picture as `picture` in test/fixtures/reference/face-pixels.py. */
export function noisePicture(width: number, height: number, seed: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    let x = (Math.imul(i, 2654435761) + seed * 97531) >>> 0;
    x = (x ^ (x >>> 15)) >>> 0;
    data[i] = Math.imul(x, 2246822519) >>> 24;
  }
  return { width, height, data };
}

export function digest(image: RgbImage): string {
  return createHash('sha256').update(image.data).digest('hex');
}
