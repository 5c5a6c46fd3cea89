/**
 * Names and shapes of the tensors that each network reads, from the graph builders themselves, so that they are what a
 * session needs. Pure.
 */
import { invariant } from '../../base/assert.js';
import { arcFaceGraph, type ArcFaceConfig } from '../graph/arcface.js';
import { clipTextGraph, type ClipConfig } from '../graph/clip-text.js';
import { conditioningGraph } from '../graph/conditioning.js';
import { residualGraph, stepGraph } from '../graph/denoiser.js';
import type { FluxConfig } from '../graph/flux-config.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { imageProjectionGraph, type ResamplerConfig } from '../graph/image-projection.js';
import { CPU_PROFILE } from '../graph/compute-profile.js';
import { Network } from '../graph/network.js';
import { WeightBook, type StoredTensor } from '../graph/stored-tensor.js';
import { t5EncoderGraph, type T5Config } from '../graph/t5-encoder.js';
import { vaeDecoderGraph, vaeEncoderGraph, type VaeConfig } from '../graph/vae.js';
import { clipNames, t5Names } from '../weights/names/text-encoders.js';

/** Expected dimensions by tensor name; null accepts any size. */
export type TensorNeeds = ReadonlyMap<string, readonly (number | null)[]>;

/** Sizes of activations, without influence on weights. */
const TEXT_TOKENS = 512;
const IDENTITY_TOKENS = 8;
const VAE_SIDE = 64;
const VAE_LATENT_SIDE = 8;

/** Records requests instead of returning weights. */
class NeedsBook extends WeightBook {
  readonly #needs: Map<string, readonly (number | null)[]>;

  constructor(needs: Map<string, readonly (number | null)[]>) {
    super('audit', new Map());
    this.#needs = needs;
  }

  override take(name: string, shape: readonly (number | null)[]): StoredTensor {
    invariant(!this.#needs.has(name), `two places of the graphs read "${name}"`);
    this.#needs.set(name, shape);
    const dims = shape.map((dim) => dim ?? 1);
    const length = dims.reduce((product, dim) => product * dim, 4);
    return {
      name,
      shape: dims,
      storage: { kind: 'plain', value: { type: 'f32', shape: dims, file: '/', offset: 0, length } },
    };
  }
}

type Build = (g: GraphBuilder, net: Network) => void;

function needsOf(...builds: readonly Build[]): Map<string, readonly (number | null)[]> {
  const needs = new Map<string, readonly (number | null)[]>();
  for (const build of builds) {
    const g = new GraphBuilder('audit');
    build(g, new Network(g, CPU_PROFILE, new NeedsBook(needs), 'audit', (file) => file));
  }
  return needs;
}

/** FLUX.1-dev's config gives 1160 tensors. */
export function fluxNeeds(config: FluxConfig): TensorNeeds {
  return needsOf(
    (g, net) => conditioningGraph(g, net, config, 'flux'),
    (g, net) => stepGraph(g, { net, config }, null, { textTokens: TEXT_TOKENS, identityTokens: null }),
  );
}

/** InfiniteYou's config gives 314 tensors. */
export function infuseNetNeeds(config: FluxConfig): TensorNeeds {
  return needsOf(
    (g, net) => conditioningGraph(g, net, config, 'infusenet'),
    (g, net) => residualGraph(g, { net, config }, IDENTITY_TOKENS),
  );
}

/** Includes the two tables that are looked up outside the graph. */
export function t5Needs(config: T5Config): TensorNeeds {
  const names = t5Names(config.blocks);
  return needsOf((g, net) => t5EncoderGraph(g, net, config))
    .set(names.embedding, [config.vocabulary, config.hidden])
    .set(names.relativeBias, [config.buckets, config.heads]);
}

/** Includes the token table. @param root prefix of the names, see `clipNames` */
export function clipNeeds(config: ClipConfig, root: string): TensorNeeds {
  return needsOf((g, net) => clipTextGraph(g, net, config, root)).set(clipNames(config.blocks, root).tokenEmbedding, [
    config.vocabulary,
    config.hidden,
  ]);
}

export function vaeNeeds(config: VaeConfig): TensorNeeds {
  return needsOf(
    (g, net) => vaeEncoderGraph(g, net, config, VAE_SIDE, VAE_SIDE),
    (g, net) => vaeDecoderGraph(g, net, config, VAE_LATENT_SIDE, VAE_LATENT_SIDE),
  );
}

export function imageProjectionNeeds(config: ResamplerConfig): TensorNeeds {
  return needsOf((g, net) => imageProjectionGraph(g, net, config));
}

export function arcFaceNeeds(config: ArcFaceConfig): TensorNeeds {
  return needsOf((g, net) => arcFaceGraph(g, net, config));
}
