/**
 * Converts between bytes and the networks' floats in [-1, 1]. H and W are the picture's height and width; tensors are
 * [1, 3, H, W], planes red, green, blue.
 */
import { invariant } from '../../base/assert.js';
import { assertRgbImage, type RgbImage } from './rgb-image.js';
import { roundHalfEven } from '../../base/round-half-even.js';

/**
 * Input of the VAE encoder: [1, 3, H, W] float32 in [-1, 1], 2 * (x / 255) - 1 in float32 arithmetic.
 *
 * @param image read only
 * @returns a new array
 * @source huggingface/diffusers: src/diffusers/image_processor.py, `pil_to_numpy` and `normalize`
 */
export function imageToFloat(image: RgbImage): Float32Array {
  return toPlanes(image, (byte) => 2 * Math.fround(byte / 255) - 1);
}

/**
 * Input of ArcFace: [1, 3, H, W] float32, planes blue, green, red, x / 255 * 2 - 1.
 *
 * @param bgr [H, W, 3] bytes, blue first; read only
 * @source pipeline reference 5.4
 */
export function bgrCropToFloat(bgr: Uint8Array, width: number, height: number): Float32Array {
  return toPlanes({ width, height, data: bgr }, (byte) => Math.fround(byte / 255) * 2 - 1);
}

/**
 * Input of insightface's recognition networks: [1, 3, H, W] float32, planes red, green, blue, (x - 127.5) / 127.5.
 *
 * @param bgr [H, W, 3] bytes, blue first; read only
 * @source deepinsight/insightface python-package/insightface/model_zoo/arcface_onnx.py, `get_feat`
 */
export function bgrCropToRgbFloat(bgr: Uint8Array, width: number, height: number): Float32Array {
  const planes = toPlanes({ width, height, data: bgr }, (byte) => (byte - 127.5) / 127.5);
  const pixels = width * height;
  const blue = planes.slice(0, pixels);
  planes.copyWithin(0, 2 * pixels);
  planes.set(blue, 2 * pixels);
  return planes;
}

/**
 * The VAE decoder's output as a picture: (y / 2 + 0.5) clamped to 0..1, times 255, rounded (ties to even, as numpy).
 * NaN becomes 0; callers check for it first.
 *
 * @param planes [1, 3, H, W] float32; read only
 * @source huggingface/diffusers: src/diffusers/image_processor.py, `denormalize` and `numpy_to_pil`
 */
export function floatToImage(planes: Float32Array, width: number, height: number): RgbImage {
  const pixels = width * height;
  invariant(planes.length === pixels * 3, `${String(planes.length)} values for ${String(width)} x ${String(height)}`);
  const data = new Uint8Array(pixels * 3);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < pixels; i++) {
      const unit = Math.fround(Math.fround((planes[channel * pixels + i] as number) / 2) + 0.5);
      data[i * 3 + channel] = roundHalfEven(Math.fround(Math.min(1, Math.max(0, unit)) * 255));
    }
  }
  return { width, height, data };
}

/** Converts bytes by a table of 256 levels. */
function toPlanes(image: RgbImage, map: (byte: number) => number): Float32Array {
  assertRgbImage(image);
  const levels = Float32Array.from({ length: 256 }, (_, byte) => map(byte));
  const pixels = image.width * image.height;
  const planes = new Float32Array(pixels * 3);
  for (let channel = 0; channel < 3; channel++) {
    const offset = channel * pixels;
    for (let i = 0; i < pixels; i++) {
      planes[offset + i] = levels[image.data[i * 3 + channel] as number] as number;
    }
  }
  return planes;
}
