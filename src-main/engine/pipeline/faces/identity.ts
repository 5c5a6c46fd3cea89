/** Aligned face -> ArcFace embedding -> identity tokens, on the host in f32. */
import { AppError } from '../../../base/app-error.js';
import { ARCFACE_IO, ARCFACE_SIDE, arcFaceGraph, type ArcFaceConfig } from '../../graph/arcface.js';
import { IMAGE_PROJECTION_IO, imageProjectionGraph, type ResamplerConfig } from '../../graph/image-projection.js';
import { bgrCropToFloat } from '../../image/float-image.js';
import { CPU_PROFILE } from '../../graph/compute-profile.js';
import { openNetwork, type LoadedNetwork } from '../networks/network-session.js';
import { fingerprint } from '../../convert/fingerprint.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import { prepareOnHost, type PrepareContext } from '../networks/prepared.js';

export interface FaceEmbedder {
  readonly session: Pick<LoadedNetwork, 'release'>;
  /** Identifies the weights: 16 hex digits. */
  readonly weightHash: string;
  /** Unit vector [512] of an aligned crop [112, 112, 3], BGR bytes. @throws AppError */
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
    weightHash: await fingerprint(network.source),
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

/** A new vector of length 1 in the same direction. @throws AppError engine.not-finite when it has none */
export function unitVector(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (!(length > 0 && length < Infinity)) {
    throw new AppError('engine.not-finite', `A face network gave an embedding of length ${length}.`, {
      remedy: 'The file of the network is damaged. Download it again.',
    });
  }
  return vector.map((value) => value / length);
}
