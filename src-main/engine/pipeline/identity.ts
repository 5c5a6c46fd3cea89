/**
 * Aligned face -> ArcFace embedding -> identity tokens. All of it runs on the host in f32.
 */
import { ARCFACE_IO, ARCFACE_SIDE, arcFaceGraph, type ArcFaceConfig } from '../graph/arcface.js';
import { IMAGE_PROJECTION_IO, imageProjectionGraph, type ResamplerConfig } from '../graph/image-projection.js';
import { bgrCropToFloat } from '../image/float-image.js';
import { CPU_PROFILE } from '../graph/compute-profile.js';
import { openNetwork, type LoadedNetwork } from './network-session.js';
import type { PackNetwork } from './pack-networks.js';
import { prepareOnHost, type PrepareContext } from './prepared.js';

export interface FaceEmbedder {
  readonly session: LoadedNetwork;
  /** Unit vector [512] of an aligned crop [112, 112, 3], BGR bytes. */
  embed(crop: Uint8Array): Promise<Float32Array>;
}

export async function loadFaceEmbedder(
  context: PrepareContext,
  network: PackNetwork<ArcFaceConfig>,
): Promise<FaceEmbedder> {
  const weights = await prepareOnHost(context, 'arcface', network);
  const session = await openNetwork({
    label: 'the face network',
    device: { provider: 'cpu' },
    build: (builder) => arcFaceGraph(builder.g, builder.network(weights, CPU_PROFILE, 'arcface'), network.config),
  });
  return {
    session,
    embed: async (crop) => {
      const data = bgrCropToFloat(crop, ARCFACE_SIDE, ARCFACE_SIDE);
      const result = await session.run({ [ARCFACE_IO.face]: { data, dims: [1, 3, ARCFACE_SIDE, ARCFACE_SIDE] } });
      return result[ARCFACE_IO.embedding] as Float32Array;
    },
  };
}

/** Identity tokens [queries, output] f32 of an embedding. */
export async function projectIdentity(
  context: PrepareContext,
  network: PackNetwork<ResamplerConfig>,
  embedding: Float32Array,
): Promise<Float32Array> {
  const weights = await prepareOnHost(context, 'image-projection', network);
  const session = await openNetwork({
    label: 'the image projection',
    device: { provider: 'cpu' },
    build: (builder) => {
      imageProjectionGraph(builder.g, builder.network(weights, CPU_PROFILE, 'image-projection'), network.config);
    },
  });
  try {
    const result = await session.run({
      [IMAGE_PROJECTION_IO.embedding]: { data: embedding, dims: [1, network.config.embedding] },
    });
    return result[IMAGE_PROJECTION_IO.tokens] as Float32Array;
  } finally {
    await session.release();
  }
}

/** Cosine of two vectors of equal length. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let lengthA = 0;
  let lengthB = 0;
  a.forEach((value, i) => {
    const other = b[i] as number;
    dot += value * other;
    lengthA += value * value;
    lengthB += other * other;
  });
  return dot / Math.sqrt(lengthA * lengthB);
}
