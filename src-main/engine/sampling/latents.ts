/**
 * Layout of latents: the VAE's planes, the transformer's tokens (2 x 2 patches), and the tokens' position ids.
 *
 * C = latent channels, h, w = latent height and width (even), S = (h/2) * (w/2) tokens, L = text tokens.
 *
 * @source huggingface/diffusers 0.40, src/diffusers/pipelines/flux/pipeline_flux.py: `_pack_latents`,
 * `_unpack_latents`, `_prepare_latent_image_ids`, `prepare_latents`.
 */
import { invariant } from '../../base/assert.js';

/** Size of one latent tensor [C, h, w]. */
export interface LatentShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Latent size of a picture: height and width in pixels, divided by twice the VAE's factor, rounded down, and doubled, so
 * that 2 x 2 patches fit.
 * @param channels C, the VAE's `latent_channels`
 * @param vaeScaleFactor pixels per latent, 2^(levels of the VAE - 1)
 */
export function latentShape(width: number, height: number, channels = 16, vaeScaleFactor = 8): LatentShape {
  const patch = 2 * vaeScaleFactor;
  return { channels, height: 2 * Math.floor(height / patch), width: 2 * Math.floor(width / patch) };
}

/** Rows and columns of the token grid. */
export function tokenGrid(shape: LatentShape): { readonly rows: number; readonly cols: number } {
  invariant(
    shape.height > 0 && shape.width > 0 && shape.height % 2 === 0 && shape.width % 2 === 0,
    `latents of ${shape.width} x ${shape.height} do not divide into 2 x 2 patches`,
  );
  return { rows: shape.height / 2, cols: shape.width / 2 };
}

/**
 * Planes to tokens: [C, h, w] -> [S, 4C], a new array. Token (row, col) is at row * w/2 + col; its feature
 * c * 4 + dy * 2 + dx is the plane c at (2 * row + dy, 2 * col + dx).
 */
export function packLatents(latents: Float32Array, shape: LatentShape): Float32Array {
  const packed = new Float32Array(checkedLength(latents, shape));
  forEachFeature(shape, (planeIndex, tokenIndex) => {
    packed[tokenIndex] = latents[planeIndex] as number;
  });
  return packed;
}

/** Tokens to planes: [S, 4C] -> [C, h, w], a new array; the inverse of `packLatents`. */
export function unpackLatents(tokens: Float32Array, shape: LatentShape): Float32Array {
  const latents = new Float32Array(checkedLength(tokens, shape));
  forEachFeature(shape, (planeIndex, tokenIndex) => {
    latents[planeIndex] = tokens[tokenIndex] as number;
  });
  return latents;
}

function checkedLength(values: Float32Array, { channels, height, width }: LatentShape): number {
  const length = channels * height * width;
  invariant(
    values.length === length,
    `${values.length} values given for latents [${channels}, ${height}, ${width}] (${length} values)`,
  );
  return length;
}

/** Visits every value with its index in the planes and in the tokens. */
function forEachFeature(shape: LatentShape, visit: (planeIndex: number, tokenIndex: number) => void): void {
  const { channels, height, width } = shape;
  const { cols } = tokenGrid(shape);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const token = (y >> 1) * cols + (x >> 1);
        visit((c * height + y) * width + x, (token * channels + c) * 4 + (y & 1) * 2 + (x & 1));
      }
    }
  }
}

/** Position ids [L + S, 3] of the joint sequence, text first: zeros for text, (0, row, col) for image tokens. */
export function positionIds(textTokens: number, rows: number, cols: number): Float32Array {
  const ids = new Float32Array((textTokens + rows * cols) * 3);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const token = textTokens + row * cols + col;
      ids[token * 3 + 1] = row;
      ids[token * 3 + 2] = col;
    }
  }
  return ids;
}
