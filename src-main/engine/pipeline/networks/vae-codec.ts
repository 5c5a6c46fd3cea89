/** Runs the VAE: control picture -> packed latents, latents -> picture. */
import { AppError } from '../../../base/app-error.js';
import type { PreparedComponent } from '../../convert/prepare-component.js';
import { VAE_IO, vaeDecoderGraph, vaeEncoderGraph, type VaeConfig } from '../../graph/vae.js';
import { floatToImage, imageToFloat } from '../../image/float-image.js';
import type { RgbImage } from '../../image/rgb-image.js';
import { packLatents, unpackLatents, type LatentShape } from '../../sampling/latents.js';
import { openNetwork, type LoadedNetwork } from './network-session.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import { prepareOnProvider, type PrepareContext } from './prepared.js';

/** Limits of the posterior's log variance. @source diffusers models/autoencoders/vae.py, DiagonalGaussianDistribution */
const LOGVAR_LIMITS = [-30, 20] as const;

export interface Posterior {
  /** [latentChannels, h, w] f32 each. */
  readonly mean: Float32Array;
  readonly logvar: Float32Array;
}

export async function encodeImage(
  context: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  image: RgbImage,
): Promise<Posterior> {
  return encodePixels(context, vae, imageToFloat(image), image.height, image.width);
}

/** @param pixels [3, height, width] f32 in -1..1 */
export async function encodePixels(
  context: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  pixels: Float32Array,
  height: number,
  width: number,
): Promise<Posterior> {
  const weights = await prepareOnProvider(context, 'vae-encoder', vae, (name) => name.startsWith('encoder.'));
  const session = await openNetwork({
    label: "the VAE's encoder",
    device: context,
    build: (builder) => {
      vaeEncoderGraph(builder.g, builder.network(weights, context.profile, 'vae'), vae.config, height, width);
    },
  });
  try {
    const result = await session.run({ [VAE_IO.image]: { data: pixels, dims: [1, 3, height, width] } });
    const moments = result[VAE_IO.moments] as Float32Array;
    const half = moments.length / 2;
    return { mean: moments.slice(0, half), logvar: moments.slice(half) };
  } finally {
    await session.release();
  }
}

/**
 * A sample of the posterior, scaled and packed for the denoiser.
 * @param noise standard normal [latentChannels, h, w] f32
 * @returns [S, 4·latentChannels] f32
 */
export function controlLatents(
  posterior: Posterior,
  noise: Float32Array,
  config: VaeConfig,
  shape: LatentShape,
): Float32Array {
  const [low, high] = LOGVAR_LIMITS;
  const scaled = posterior.mean.map((mean, i) => {
    const logvar = Math.min(high, Math.max(low, posterior.logvar[i] as number));
    const sample = mean + Math.exp(0.5 * logvar) * (noise[i] as number);
    return (sample - config.shiftFactor) * config.scalingFactor;
  });
  return packLatents(scaled, shape);
}

/** Packed latents [S, 4·latentChannels] -> the decoder's input [latentChannels, h, w]. */
export function decoderLatents(packed: Float32Array, config: VaeConfig, shape: LatentShape): Float32Array {
  return unpackLatents(packed, shape).map((value) => value / config.scalingFactor + config.shiftFactor);
}

/** The VAE's decoder for one size. */
export interface Decoder {
  readonly session: LoadedNetwork;
  /** [3, height, width] f32, about -1..1. @param latents from `decoderLatents` */
  decode(latents: Float32Array): Promise<Float32Array>;
}

export function prepareDecoder(context: PrepareContext, vae: PackNetwork<VaeConfig>): Promise<PreparedComponent> {
  return prepareOnProvider(context, 'vae-decoder', vae, (name) => name.startsWith('decoder.'));
}

export async function loadDecoder(
  context: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  shape: LatentShape,
): Promise<Decoder> {
  const weights = await prepareDecoder(context, vae);
  const session = await openNetwork({
    label: "the VAE's decoder",
    device: context,
    build: (builder) => {
      vaeDecoderGraph(
        builder.g,
        builder.network(weights, context.profile, 'vae'),
        vae.config,
        shape.height,
        shape.width,
      );
    },
  });
  return {
    session,
    decode: async (latents) => {
      const result = await session.run({
        [VAE_IO.latents]: { data: latents, dims: [1, shape.channels, shape.height, shape.width] },
      });
      return result[VAE_IO.image] as Float32Array;
    },
  };
}

/**
 * Decoded planes as a picture.
 * @param allowNotFinite makes non-finite values black instead of failing
 * @throws AppError engine.not-finite
 */
export function planesToImage(
  planes: Float32Array,
  shape: LatentShape,
  scale: number,
  allowNotFinite = false,
): RgbImage {
  if (!allowNotFinite && planes.some((value) => !Number.isFinite(value))) {
    throw new AppError('engine.not-finite', 'The VAE produced values that are not numbers.', {
      remedy: 'Try the cpu provider; if it happens there too, verify the pack on the Models screen.',
    });
  }
  return floatToImage(planes, shape.width * scale, shape.height * scale);
}

/** Pixels per latent: 2 for each level but the last. */
export function vaeScale(config: VaeConfig): number {
  return 2 ** (config.channels.length - 1);
}
