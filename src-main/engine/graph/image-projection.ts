/**
 * InfiniteYou's image projection: from a face embedding to the identity tokens that InfuseNet reads as its text.
 *
 * @source bytedance/InfiniteYou pipelines/resampler.py
 */
import { resamplerNames, type ResamplerLayerNames } from '../weights/names/identity.js';
import type { NormNames } from '../weights/names/text-encoders.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Network } from './network.js';
import { END } from './transformer-blocks.js';

/** Sizes, derived from the tensors because the checkpoint has no config. */
export interface ResamplerConfig {
  readonly queries: number;
  readonly width: number;
  readonly attentionWidth: number;
  readonly feedForward: number;
  readonly embedding: number;
  readonly output: number;
  readonly layers: number;
  /** Not in the checkpoint; see `defaultHeadSize`. */
  readonly headSize: number;
}

/** Head size of InfiniteYou's own checkpoints; a constant in its source. */
const UPSTREAM_HEAD_SIZE = 64;
const FEWEST_HEADS = 4;

/**
 * The head size when pack.json names none: upstream's, or a quarter of the attention width for networks too narrow for
 * four such heads.
 */
export function defaultHeadSize(attentionWidth: number): number {
  return Math.max(1, Math.min(UPSTREAM_HEAD_SIZE, Math.floor(attentionWidth / FEWEST_HEADS)));
}
const EPSILON = 1e-5;

export const IMAGE_PROJECTION_IO = {
  /** [1, embedding] f32, unit length. */
  embedding: 'embedding',
  /** [queries, output] f32. */
  tokens: 'identity_tokens',
} as const;

export function imageProjectionGraph(g: GraphBuilder, net: Network, config: ResamplerConfig): void {
  const names = resamplerNames(config.layers);
  const { width } = config;
  const norm = (x: Value, name: NormNames, size = width): Value =>
    net.layerNorm(x, net.plain(name.weight, [size]), net.plain(name.bias, [size]), EPSILON);
  const embedding = g.input(IMAGE_PROJECTION_IO.embedding, 'f32', [1, config.embedding]);
  const image = net.linear(embedding, names.projIn, width, config.embedding);
  let latents = net.reshape(net.plain(names.latents, [1, config.queries, width]), [config.queries, width]);
  for (const layer of names.layers) {
    latents = net.add(
      latents,
      perceiverAttention(net, config, layer, norm(image, layer.normImage), norm(latents, layer.normLatents)),
    );
    const inner = net.geluErf(net.linear(norm(latents, layer.mlpNorm), layer.mlpIn, config.feedForward, width));
    latents = net.add(latents, net.linear(inner, layer.mlpOut, width, config.feedForward));
  }
  const projected = net.linear(latents, names.projOut, config.output, width);
  g.output(IMAGE_PROJECTION_IO.tokens, norm(projected, names.normOut, config.output), 'f32', [
    config.queries,
    config.output,
  ]);
}

/** The latents attend to the image and to themselves. */
function perceiverAttention(
  net: Network,
  config: ResamplerConfig,
  names: ResamplerLayerNames,
  image: Value,
  latents: Value,
): Value {
  const inner = config.attentionWidth;
  const q = net.linear(latents, names.q, inner, config.width);
  const keyValue = net.linear(net.concatRows([image, latents]), names.keyValue, 2 * inner, config.width);
  const columns = (from: number, to: number) =>
    net.g.node('Slice', [keyValue, net.g.i64([from]), net.g.i64([to]), net.g.i64([1])]);
  const attended = net.attention(q, columns(0, inner), columns(inner, END), inner / config.headSize, config.headSize);
  return net.linear(attended, names.attentionOut, config.width, inner);
}
