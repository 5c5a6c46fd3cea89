/**
 * Opens pictures that people choose. Owns the accepted kinds and the size limits. File contents are hostile: the kind
 * comes from the first bytes, never from the name, and the size is checked in the header before any pixel is decoded.
 */
import { basename } from 'node:path';
import sharp from 'sharp';
import { AppError, isAbort, throwIfAborted } from '../../base/app-error.js';
import { readReason } from '../../base/disk-error.js';
import { openToRead } from '../../disk/patience.js';
import { sniffPictureKind } from './picture-kind.js';
import type { RgbImage } from './rgb-image.js';

/** Larger files are not photographs: a phone's 200-megapixel JPEG has about 60 MB, an uncompressed 40-megapixel TIFF 240 MB. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** 200 megapixels, the largest phone sensors; 600 MB decoded. A larger picture could fill a small computer's memory. */
const MAX_PIXELS = 200_000_000;

/** JPEG's longest side; also excludes 1 x N strips. */
const MAX_SIDE = 65_535;

/** Limit of decoding; the largest allowed picture needs about ten seconds on a slow core. */
const DECODE_TIMEOUT_SECONDS = 60;

const ACCEPTED = 'Choose a JPEG, PNG, WebP, AVIF, GIF or TIFF picture.';

/**
 * Reads a picture file for display: upright (EXIF), converted to sRGB (embedded profile, CMYK, grey, palette), 8 bits a
 * channel, transparency on white, the first frame of an animation.
 *
 * @param path absolute path; the file's name is only used in messages
 * @returns a new picture, owned by the caller
 * @throws AppError image.unreadable; AbortError
 */
export async function readImage(path: string, signal?: AbortSignal): Promise<RgbImage> {
  const name = basename(path);
  const bytes = await readPictureFile(path, name);
  throwIfAborted(signal);
  const image = await decodeImage(bytes, name);
  throwIfAborted(signal);
  return image;
}

/**
 * Decodes the bytes of a picture file; see {@link readImage}.
 *
 * @param name of the picture in messages
 * @throws AppError image.unreadable
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<RgbImage> {
  const kind = sniffPictureKind(bytes);
  if (kind === null) {
    throw unreadable(`"${name}" is not a picture that the app can read.`, ACCEPTED);
  }
  if (kind === 'heic') {
    throw unreadable(
      `"${name}" is a HEIC picture, which the app cannot read.`,
      'Export it as JPEG or PNG from your photo app and choose that file.',
    );
  }
  try {
    // Reads the header only; checked here so that the message can name the size.
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    assertSize(name, width, height);
    const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: toThreeChannels(data, info.channels, name) };
  } catch (error) {
    if (error instanceof AppError || isAbort(error)) throw error;
    throw explain(error, name, kind);
  }
}

async function readPictureFile(path: string, name: string): Promise<Uint8Array> {
  try {
    const file = await openToRead(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw unreadable(`"${name}" is a folder or device, not a picture file.`, ACCEPTED);
      if (stat.size === 0) throw unreadable(`"${name}" is empty (0 bytes).`, 'Copy or download the picture again.');
      if (stat.size > MAX_FILE_BYTES) {
        throw unreadable(
          `"${name}" has ${megabytes(stat.size)} MB; the app reads pictures of at most ${megabytes(MAX_FILE_BYTES)} MB.`,
          'Save a smaller copy, for instance as JPEG, and choose that.',
        );
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      throw unreadable(`The picture "${name}" no longer exists.`, 'Choose the picture again.', error);
    }
    const meaning = readReason(error);
    throw unreadable(
      `The picture "${name}" could not be opened: ${meaning?.reason ?? code ?? 'for an unknown reason'}.`,
      meaning?.remedy ?? 'Check that you may read the file and that its disk is connected.',
      error,
    );
  }
}

function assertSize(name: string, width: number, height: number): void {
  if (width * height <= MAX_PIXELS && Math.max(width, height) <= MAX_SIDE) return;
  throw unreadable(
    `"${name}" is too large: it is ${String(width)} x ${String(height)} pixels, ` +
      `the limit is ${String(MAX_PIXELS / 1e6)} megapixels and ${String(MAX_SIDE)} pixels a side.`,
    'Save a smaller copy of the picture and choose that.',
  );
}

/** The picture library's error about a damaged file, in plain words. */
function explain(error: unknown, name: string, kind: string): AppError {
  if (error instanceof Error && /timeout/i.test(error.message)) {
    return unreadable(
      `"${name}" took longer than ${String(DECODE_TIMEOUT_SECONDS)} seconds to decode.`,
      'Save a smaller copy of the picture and choose that.',
      error,
    );
  }
  return unreadable(
    `"${name}" is a ${kind.toUpperCase()} picture that is truncated, damaged or of an unsupported kind.`,
    'Copy or download the picture again, or open it in a picture editor and save it as JPEG or PNG.',
    error,
  );
}

/** Libvips uses one channel for grey pictures in some colour spaces. */
function toThreeChannels(data: Uint8Array, channels: number, name: string): Uint8Array {
  if (channels === 3) return data;
  if (channels !== 1) {
    throw unreadable(
      `"${name}" has ${String(channels)} colour channels; the app reads grey and colour pictures.`,
      ACCEPTED,
    );
  }
  const rgb = new Uint8Array(data.length * 3);
  for (let i = 0; i < data.length; i++) rgb.fill(data[i] as number, i * 3, i * 3 + 3);
  return rgb;
}

function unreadable(message: string, remedy: string, cause?: unknown): AppError {
  const reason = cause instanceof Error ? { reason: cause.message.slice(0, 500) } : {};
  return new AppError('image.unreadable', message, { remedy, cause, details: reason });
}

function megabytes(bytes: number): string {
  return String(Math.round(bytes / 1e6));
}
