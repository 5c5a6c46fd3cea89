/** Tasks of the picture worker: everything that decodes, encodes or measures pixels or latents. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { stepFileName } from '../../base/step-file.js';
import type { ContactSheet } from '../../compare/report/contact-sheet.js';
import { flipMap } from '../../compare/measures/flip.js';
import { magmaPicture } from '../../compare/measures/magma.js';
import { comparePictures, type Box } from '../../compare/measures/picture-metrics.js';
import type { Picture } from '../../compare/measures/picture.js';
import { trajectoryDrift, sketchLatents } from '../../compare/measures/latent-sketch.js';
import type { PictureDifference } from '../../contract/compare-data.js';
import { readWhole } from '../../disk/patience.js';
import { decodeImage, readImage } from '../../engine/image/read-image.js';
import { makeThumbnail } from '../../engine/image/thumbnail.js';
import { encodePng } from '../../engine/image/write-png.js';
import { drawContactSheet } from './draw-contact-sheet.js';

/** Longest side of thumbnails, which are shown at 512 CSS pixels at most. */
const THUMB_SIDE = 512;
/** Longest side of pictures in an HTML report: sharp on a high-density screen at 12rem, and 40 of them have a few MB. */
const INLINE_SIDE = 384;

export type PictureTask =
  /** Converts an uploaded picture: upright, sRGB, 8 bits, without metadata. `name` is for messages. */
  | { readonly kind: 'normalize'; readonly bytes: Uint8Array; readonly name: string }
  /** Thumbnail and hash of a picture that the engine wrote. */
  | { readonly kind: 'describe'; readonly path: string }
  /** `faceBox` in pixels of the reference; null: no face. `pixelsPerDegree` here and below: viewing distance of FLIP. */
  | {
      readonly kind: 'difference';
      readonly reference: string;
      readonly path: string;
      readonly faceBox: Box | null;
      readonly pixelsPerDegree: number;
    }
  | {
      readonly kind: 'heat-map';
      readonly reference: string;
      readonly path: string;
      readonly pixelsPerDegree: number;
    }
  /** The pixels, uncompressed: the same number of bytes for every picture of a size. */
  | { readonly kind: 'plain-copy'; readonly path: string }
  /** Sketches of the latents that the engine left in a folder. */
  | { readonly kind: 'trajectory'; readonly folder: string; readonly steps: number }
  /** Distances of trajectories, by their files. */
  | { readonly kind: 'drifts'; readonly pairs: readonly { readonly own: string; readonly reference: string }[] }
  /** A picture for an HTML report and, with a reference, its heat map. */
  | {
      readonly kind: 'inline';
      readonly reference: string | null;
      readonly path: string;
      readonly pixelsPerDegree: number;
    }
  /** Paths by the sheet's file names. */
  | {
      readonly kind: 'contact-sheet';
      readonly sheet: ContactSheet;
      readonly files: Readonly<Record<string, string>>;
    };

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
  readonly 'plain-copy': Uint8Array;
  /** f32, little-endian; see `compare/measures/latent-sketch.ts`. */
  readonly trajectory: Uint8Array;
  /** In the order of the pairs; null where sizes or steps differ. */
  readonly drifts: (number[] | null)[];
  /** WebP. */
  readonly inline: { readonly picture: Uint8Array; readonly heatMap: Uint8Array | null };
  readonly 'contact-sheet': Uint8Array;
}
export type PictureResult<K extends PictureTask['kind']> = PictureResults[K];

function pixelHash(picture: Picture): string {
  const size = Buffer.alloc(8);
  size.writeUInt32LE(picture.width, 0);
  size.writeUInt32LE(picture.height, 4);
  return createHash('sha256').update(size).update(picture.data).digest('hex');
}

/** Both pictures; null when their sizes differ. */
async function pair(reference: string, path: string): Promise<readonly [Picture, Picture] | null> {
  const [a, b] = await Promise.all([readImage(reference), readImage(path)]);
  return a.width === b.width && a.height === b.height ? [a, b] : null;
}

type Task<K extends PictureTask['kind']> = Extract<PictureTask, { kind: K }>;

async function difference({ reference, path, ...options }: Task<'difference'>): Promise<PictureDifference | null> {
  const pictures = await pair(reference, path);
  if (pictures === null) return null;
  const { whole, face, surroundings } = comparePictures(...pictures, options);
  return { whole, face, surroundings };
}

function heatMapOf(a: Picture, b: Picture, pixelsPerDegree: number): Picture {
  return magmaPicture(flipMap(a, b, pixelsPerDegree), a.width, a.height);
}

async function heatMapPng({ reference, path, pixelsPerDegree }: Task<'heat-map'>): Promise<Uint8Array | null> {
  const pictures = await pair(reference, path);
  return pictures === null ? null : encodePng(heatMapOf(...pictures, pixelsPerDegree));
}

async function readFloats(file: string): Promise<Float32Array> {
  const bytes = await readWhole(file);
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** One step's latents in memory at a time: 1 MB at 1024 × 1024. */
async function trajectoryOf(folder: string, steps: number): Promise<Uint8Array> {
  const records: Uint8Array[] = [];
  for (let step = 1; step <= steps; step += 1) {
    records.push(new Uint8Array(sketchLatents(await readFloats(join(folder, stepFileName(step, 'f32')))).buffer));
  }
  return Buffer.concat(records);
}

async function drifts(
  pairs: readonly { readonly own: string; readonly reference: string }[],
): Promise<(number[] | null)[]> {
  const out: (number[] | null)[] = [];
  for (const { own, reference } of pairs) out.push(trajectoryDrift(await readFloats(own), await readFloats(reference)));
  return out;
}

async function inline({ reference, path, pixelsPerDegree }: Task<'inline'>): Promise<PictureResults['inline']> {
  const own = await readImage(path);
  const heatMap = reference === null ? null : heatMapOf(await readImage(reference), own, pixelsPerDegree);
  return {
    picture: await makeThumbnail(own, INLINE_SIDE),
    heatMap: heatMap === null ? null : await makeThumbnail(heatMap, INLINE_SIDE),
  };
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
      return difference(task);
    case 'heat-map':
      return heatMapPng(task);
    case 'plain-copy':
      return encodePng(await readImage(task.path), { compressed: false });
    case 'trajectory':
      return trajectoryOf(task.folder, task.steps);
    case 'drifts':
      return drifts(task.pairs);
    case 'inline':
      return inline(task);
    case 'contact-sheet':
      return drawContactSheet(task.sheet, (file) => task.files[file] ?? '');
  }
}
