/** What the picture worker does: everything that decodes, encodes or counts pixels. */
import { createHash } from 'node:crypto';
import { absoluteDifference, heatMap, heatScale } from '../compare/difference.js';
import type { Picture } from '../compare/picture.js';
import { psnr } from '../compare/psnr.js';
import { ssim } from '../compare/ssim.js';
import type { PictureDifference } from '../contract/compare-data.js';
import { decodeImage, readImage } from '../engine/image/read-image.js';
import { makeThumbnail } from '../engine/image/thumbnail.js';
import { encodePng } from '../engine/image/write-png.js';

/** Longest side of thumbnails: 512 CSS pixels are never shown larger, and high-density screens scale well. */
const THUMB_SIDE = 512;

export type PictureTask =
  /** An uploaded picture: made upright, sRGB, 8 bits, without metadata. `name` is for messages. */
  | { readonly kind: 'normalize'; readonly bytes: Uint8Array; readonly name: string }
  /** A picture the engine wrote. */
  | { readonly kind: 'describe'; readonly path: string }
  | { readonly kind: 'difference'; readonly reference: string; readonly path: string }
  | { readonly kind: 'heat-map'; readonly reference: string; readonly path: string };

interface PictureResults {
  readonly normalize: {
    readonly png: Uint8Array;
    readonly thumb: Uint8Array;
    readonly width: number;
    readonly height: number;
  };
  readonly describe: {
    readonly thumb: Uint8Array;
    /** sha-256 over width, height and RGB bytes, hex. */
    readonly pixelHash: string;
    readonly width: number;
    readonly height: number;
  };
  /** Null when the sizes differ. */
  readonly difference: PictureDifference | null;
  readonly 'heat-map': Uint8Array | null;
}
export type PictureResult<K extends PictureTask['kind']> = PictureResults[K];

function pixelHash(picture: Picture): string {
  const size = Buffer.alloc(8);
  size.writeUInt32LE(picture.width, 0);
  size.writeUInt32LE(picture.height, 4);
  return createHash('sha256').update(size).update(picture.data).digest('hex');
}

/** Both pictures, or null when they cannot be compared pixel by pixel. */
async function pair(reference: string, path: string): Promise<readonly [Picture, Picture] | null> {
  const [a, b] = await Promise.all([readImage(reference), readImage(path)]);
  return a.width === b.width && a.height === b.height ? [a, b] : null;
}

async function difference(reference: string, path: string): Promise<PictureDifference | null> {
  const pictures = await pair(reference, path);
  if (pictures === null) return null;
  const [a, b] = pictures;
  const absolute = absoluteDifference(a, b);
  return {
    identical: absolute.identical,
    psnr: absolute.identical ? null : psnr(a, b),
    ssim: absolute.identical ? 1 : ssim(a, b),
    meanAbsolute: absolute.mean,
    maxAbsolute: absolute.max,
    heatScale: heatScale(absolute),
  };
}

async function heatMapPng(reference: string, path: string): Promise<Uint8Array | null> {
  const pictures = await pair(reference, path);
  if (pictures === null) return null;
  const [a, b] = pictures;
  return encodePng(heatMap(a, b, heatScale(absoluteDifference(a, b))));
}

/** @throws AppError image.unreadable, disk.failed */
export async function runPictureTask(task: PictureTask): Promise<PictureResults[PictureTask['kind']]> {
  switch (task.kind) {
    case 'normalize': {
      const image = await decodeImage(task.bytes, task.name);
      const [png, thumb] = await Promise.all([encodePng(image), makeThumbnail(image, THUMB_SIDE)]);
      return { png, thumb, width: image.width, height: image.height };
    }
    case 'describe': {
      const image = await readImage(task.path);
      return {
        thumb: await makeThumbnail(image, THUMB_SIDE),
        pixelHash: pixelHash(image),
        width: image.width,
        height: image.height,
      };
    }
    case 'difference':
      return difference(task.reference, task.path);
    case 'heat-map':
      return heatMapPng(task.reference, task.path);
  }
}
