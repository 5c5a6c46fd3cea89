/**
 * A pose photo as InfuseNet's control picture: fitted to the size, its largest face's landmarks drawn on black.
 *
 * @source bytedance/InfiniteYou pipelines/pipeline_infu_flux.py
 */
import { drawLandmarks } from '../../face/landmark-drawing.js';
import { resizeAndPad } from '../../face/resize-and-pad.js';
import { noFaceError } from '../../face/scrfd.js';
import { readImage } from '../../image/read-image.js';
import type { RgbImage } from '../../image/rgb-image.js';
import type { FaceAnalyst } from '../faces/face-analyst.js';

/** @throws AppError face.none-found, image.unreadable */
export async function controlPicture(
  faces: FaceAnalyst,
  path: string,
  width: number,
  height: number,
): Promise<RgbImage> {
  const fitted = resizeAndPad(await readImage(path), width, height);
  const [face] = (await faces.find(fitted)).faces;
  if (face === undefined) throw noFaceError('control');
  return drawLandmarks(width, height, face.landmarks);
}
