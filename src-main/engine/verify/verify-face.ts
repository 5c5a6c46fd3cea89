/** Recomputes `face.safetensors` of a reference folder: alignment, crops, landmark drawings, resize-and-pad. */
import { join } from 'node:path';
import { drawLandmarks } from '../face/landmark-drawing.js';
import { resizeAndPad } from '../face/resize-and-pad.js';
import { alignmentMatrix, type Point } from '../face/umeyama.js';
import { cropFace } from '../face/warp-affine.js';
import { readImage } from '../image/read-image.js';
import type { RgbImage } from '../image/rgb-image.js';
import type { TensorSource } from '../weights/tensor-source.js';
import { checkMaxAbs, checkMeanAbs, type Check } from './checks.js';

const MATRIX_LIMIT = 1e-3;
/** Levels, on average. */
const PIXEL_LIMIT = 1;
/** Source picture of the fixtures. */
const PICTURE = 'astronaut.png';
/** The reference resized the left part of the square picture, so that both padding directions occur. */
const PORTRAIT_WIDTH = 400;
const POINTS = 5;

export async function verifyFace(folder: string, source: TensorSource, report: (check: Check) => void): Promise<void> {
  const image = await readImage(join(folder, PICTURE));
  const portrait = leftColumns(image, PORTRAIT_WIDTH);
  const kps = await source.readF32('kps');
  const faces = Array.from({ length: kps.length / (2 * POINTS) }, (_, face) => landmarks(kps, face));

  const matrices = faces.flatMap((points) => [...alignmentMatrix(points)]);
  report(checkMaxAbs('norm_matrix', matrices, await source.readF32('norm_matrix'), MATRIX_LIMIT));

  const crops = await source.readBytes('norm_crop_bgr');
  const size = crops.length / faces.length;
  faces.forEach((points, face) => {
    report(
      checkMeanAbs(
        `norm_crop_bgr[${face}]`,
        cropFace(image, points),
        crops.subarray(face * size, (face + 1) * size),
        PIXEL_LIMIT,
      ),
    );
  });
  for (const [name, entry] of source.entries) {
    const [height, width] = entry.shape as [number, number];
    const drawing = /^draw_kps_(\d+)$/.exec(name);
    if (drawing?.[1] !== undefined) {
      const points = faces[Number(drawing[1])];
      if (points === undefined) continue;
      report(checkMeanAbs(name, drawLandmarks(width, height, points).data, await source.readBytes(name), PIXEL_LIMIT));
    } else if (name.startsWith('resize_pad_')) {
      report(checkMeanAbs(name, resizeAndPad(portrait, width, height).data, await source.readBytes(name), PIXEL_LIMIT));
    }
  }
}

function landmarks(kps: Float32Array, face: number): Point[] {
  return Array.from({ length: POINTS }, (_, i): Point => {
    const at = (face * POINTS + i) * 2;
    return [kps[at] as number, kps[at + 1] as number];
  });
}

function leftColumns(image: RgbImage, width: number): RgbImage {
  const data = new Uint8Array(width * image.height * 3);
  for (let y = 0; y < image.height; y++) {
    const from = y * image.width * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height: image.height, data };
}
