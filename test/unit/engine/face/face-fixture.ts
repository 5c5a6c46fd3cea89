/** The face fixtures: landmarks, alignment, crops, drawings and padded pictures of the reference implementations. */
import { decodeImage } from '../../../../src-main/engine/image/read-image.js';
import type { RgbImage } from '../../../../src-main/engine/image/rgb-image.js';
import type { Point } from '../../../../src-main/engine/face/umeyama.js';
import { readFileSync } from 'node:fs';
import { fixturePath, readFixture, type FixtureTensor } from '../../support/read-fixture.js';

const read = readFixture('reference-tiny/face.safetensors');

export function faceFixture(name: string): FixtureTensor {
  return read(name);
}

/** Five points of one of the six landmark sets. */
export function landmarksOf(face: number): Point[] {
  const { data } = read('kps');
  return Array.from({ length: 5 }, (_, i) => [Number(data[face * 10 + i * 2]), Number(data[face * 10 + i * 2 + 1])]);
}

/** The photograph that the crops and padded pictures were made from. */
export async function astronaut(): Promise<RgbImage> {
  return decodeImage(readFileSync(fixturePath('reference-tiny/astronaut.png')), 'astronaut.png');
}

/** Columns 0 to `width` - 1 of a picture. */
export function leftPart(image: RgbImage, width: number): RgbImage {
  const data = new Uint8Array(width * image.height * 3);
  for (let y = 0; y < image.height; y++) {
    data.set(image.data.subarray(y * image.width * 3, (y * image.width + width) * 3), y * width * 3);
  }
  return { width, height: image.height, data };
}

/** Mean and largest difference, and how many values differ. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  if (actual.length !== expected.length)
    throw new Error(`${String(actual.length)} values, not ${String(expected.length)}`);
  let sum = 0;
  let max = 0;
  let count = 0;
  for (let i = 0; i < actual.length; i++) {
    const distance = Math.abs((actual[i] as number) - (expected[i] as number));
    sum += distance;
    max = Math.max(max, distance);
    if (distance > 0) count++;
  }
  return { mean: sum / actual.length, max, count };
}
