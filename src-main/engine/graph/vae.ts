/**
 * AutoencoderKL: encoder to mean and log variance, decoder to pixels. Activations are [1, C, h, w].
 *
 * @source huggingface/diffusers models/autoencoders/vae.py, models/resnet.py, models/attention_processor.py
 */
import type { LinearNames } from '../weights/names/flux.js';
import type { NormNames } from '../weights/names/text-encoders.js';
import {
  vaeDecoderNames,
  vaeEncoderNames,
  type ResnetNames,
  type SpatialAttentionNames,
  type VaeHalfNames,
} from '../weights/names/vae.js';
import { asRecord, invalid, positiveInteger } from './flux-config.js';
import type { Dim, GraphBuilder, Value } from './graph-builder.js';
import type { Network } from './network.js';

export interface VaeConfig {
  /** Widths from the image side inwards. */
  readonly channels: readonly number[];
  readonly layersPerBlock: number;
  readonly latentChannels: number;
  readonly groups: number;
  readonly scalingFactor: number;
  readonly shiftFactor: number;
}

/** @throws AppError config.invalid */
export function parseVaeConfig(json: unknown, where: string): VaeConfig {
  const fields = asRecord(json, where);
  const channels = fields['block_out_channels'];
  if (
    !Array.isArray(channels) ||
    channels.length === 0 ||
    channels.some((width) => !Number.isInteger(width) || width <= 0)
  ) {
    throw invalid(where, 'block_out_channels', JSON.stringify(channels) ?? 'nothing', 'a list of positive integers');
  }
  for (const key of ['use_quant_conv', 'use_post_quant_conv']) {
    if (fields[key] === true) throw invalid(where, key, 'true', "false, as in FLUX's VAE");
  }
  if (fields['mid_block_add_attention'] === false) throw invalid(where, 'mid_block_add_attention', 'false', 'true');
  const number = (key: string): number => {
    const value = fields[key];
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw invalid(where, key, JSON.stringify(value) ?? 'nothing', 'a number');
    return value;
  };
  return {
    channels: channels as number[],
    layersPerBlock: positiveInteger(fields, 'layers_per_block', where),
    latentChannels: positiveInteger(fields, 'latent_channels', where),
    groups: positiveInteger(fields, 'norm_num_groups', where),
    scalingFactor: number('scaling_factor'),
    shiftFactor: number('shift_factor'),
  };
}

export const VAE_IO = {
  /** [1, 3, height, width] f32 in -1..1. */
  image: 'image',
  /** [1, 2·latentChannels, height/8, width/8] f32: mean, then log variance. */
  moments: 'moments',
  /** [1, latentChannels, height/8, width/8] f32, unscaled. */
  latents: 'latents',
} as const;

export const GROUP_NORM_EPSILON = 1e-6;

/** Layers of both halves. */
export class VaeLayers {
  readonly #net: Network;
  readonly #groups: number;

  constructor(net: Network, groups: number) {
    this.#net = net;
    this.#groups = groups;
  }

  /** Group normalization as instance normalization over [1, groups, elements], which every provider supports. */
  #groupNorm(x: Value, names: NormNames, width: number, dims: readonly Dim[]): Value {
    const net = this.#net;
    const ones = net.numbers(Array.from({ length: this.#groups }, () => 1));
    const zeros = net.numbers(Array.from({ length: this.#groups }, () => 0));
    const grouped = net.reshape(x, [1, this.#groups, -1]);
    const normed = net.g.node('InstanceNormalization', [grouped, ones, zeros], {
      epsilon: { float: GROUP_NORM_EPSILON },
    });
    const shaped = this.#like(normed, dims, width);
    const weight = net.reshape(net.plain(names.weight, [width]), [1, width, 1, 1]);
    const bias = net.reshape(net.plain(names.bias, [width]), [1, width, 1, 1]);
    return net.add(net.mul(shaped, weight), bias);
  }

  #like(x: Value, dims: readonly Dim[], width: number): Value {
    const [height, imageWidth] = dims;
    return this.#net.reshape(x, [1, width, height as number, imageWidth as number]);
  }

  conv(x: Value, names: LinearNames, out: number, into: number, kernel: 1 | 3, stride = 1): Value {
    const net = this.#net;
    const inputs = [x, net.plain(names.weight, [out, into, kernel, kernel])];
    if (names.bias !== null) inputs.push(net.plain(names.bias, [out]));
    // A strided convolution pads right and bottom only.
    const pads = kernel === 1 ? [0, 0, 0, 0] : stride === 2 ? [0, 0, 1, 1] : [1, 1, 1, 1];
    return net.g.node('Conv', inputs, { kernel_shape: [kernel, kernel], strides: [stride, stride], pads });
  }

  normSilu(x: Value, names: NormNames, width: number, dims: readonly Dim[]): Value {
    return this.#net.silu(this.#groupNorm(x, names, width, dims));
  }

  resnet(x: Value, names: ResnetNames, into: number, out: number, dims: readonly Dim[]): Value {
    const first = this.conv(this.normSilu(x, names.norm1, into, dims), names.conv1, out, into, 3);
    const second = this.conv(this.normSilu(first, names.norm2, out, dims), names.conv2, out, out, 3);
    const skip = into === out ? x : this.conv(x, names.shortcut, out, into, 1);
    return this.#net.add(skip, second);
  }

  /**
   * Single-head self-attention over positions.
   * @param queries positions per pass, so that scores are [queries, positions]; null for all
   */
  attention(
    x: Value,
    names: SpatialAttentionNames,
    width: number,
    dims: readonly number[],
    queries: number | null = null,
  ): Value {
    const net = this.#net;
    const normed = this.#groupNorm(x, names.norm, width, dims);
    const tokens = net.g.node('Transpose', [net.reshape(normed, [width, -1])], { perm: [1, 0] });
    const project = (linear: LinearNames) => net.linear(tokens, linear, width, width);
    const [q, k, v] = [project(names.q), project(names.k), project(names.v)];
    const positions = queries === null ? null : dims.reduce((product, size) => product * size, 1);
    const attended = net.byRows([q], positions, queries ?? 0, ([part]) => net.attention(part as Value, k, v, 1, width));
    const out = net.linear(attended, names.out, width, width);
    return net.add(x, this.#like(net.g.node('Transpose', [out], { perm: [1, 0] }), dims, width));
  }

  mid(
    x: Value,
    names: VaeHalfNames['mid'],
    width: number,
    dims: readonly number[],
    queries: number | null = null,
  ): Value {
    const [before, after] = names.resnets;
    const first = this.resnet(x, before, width, width, dims);
    const attended = this.attention(first, names.attention, width, dims, queries);
    return this.resnet(attended, after, width, width, dims);
  }

  /** Nearest-neighbour doubling. */
  upsample(x: Value): Value {
    return this.#net.g.node('Resize', [x, '', this.#net.g.f32([1, 1, 2, 2])], {
      mode: 'nearest',
      nearest_mode: 'floor',
      coordinate_transformation_mode: 'asymmetric',
    });
  }
}

/** @param height, width pixels; the graph is for one size */
export function vaeEncoderGraph(g: GraphBuilder, net: Network, config: VaeConfig, height: number, width: number): void {
  const names = vaeEncoderNames(config.channels.length, config.layersPerBlock);
  const layers = new VaeLayers(net, config.groups);
  const [first] = config.channels as readonly [number];
  let dims = [height, width];
  let x = net.cast(g.input(VAE_IO.image, 'f32', [1, 3, height, width]), 'f32', net.dtype);
  x = layers.conv(x, names.convIn, first, 3, 3);
  let current = first;
  config.channels.forEach((out, index) => {
    const block = names.blocks[index] as VaeHalfNames['blocks'][number];
    for (const resnet of block.resnets) {
      x = layers.resnet(x, resnet, current, out, dims);
      current = out;
    }
    if (index < config.channels.length - 1) {
      x = layers.conv(x, block.resample, out, out, 3, 2);
      dims = dims.map((size) => size / 2);
    }
  });
  x = layers.mid(x, names.mid, current, dims);
  x = layers.conv(
    layers.normSilu(x, names.normOut, current, dims),
    names.convOut,
    2 * config.latentChannels,
    current,
    3,
  );
  g.output(VAE_IO.moments, net.cast(x, net.dtype, 'f32'), 'f32', [1, 2 * config.latentChannels, ...dims]);
}

/** @param height, width of the latents */
export function vaeDecoderGraph(g: GraphBuilder, net: Network, config: VaeConfig, height: number, width: number): void {
  const names = vaeDecoderNames(config.channels.length, config.layersPerBlock);
  const layers = new VaeLayers(net, config.groups);
  const widths = [...config.channels].reverse();
  const [deepest] = widths as [number];
  let dims = [height, width];
  let x = net.cast(g.input(VAE_IO.latents, 'f32', [1, config.latentChannels, height, width]), 'f32', net.dtype);
  x = layers.conv(x, names.convIn, deepest, config.latentChannels, 3);
  x = layers.mid(x, names.mid, deepest, dims);
  let current = deepest;
  widths.forEach((out, index) => {
    const block = names.blocks[index] as VaeHalfNames['blocks'][number];
    for (const resnet of block.resnets) {
      x = layers.resnet(x, resnet, current, out, dims);
      current = out;
    }
    if (index < widths.length - 1) {
      x = layers.conv(layers.upsample(x), block.resample, out, out, 3);
      dims = dims.map((size) => size * 2);
    }
  });
  x = layers.conv(layers.normSilu(x, names.normOut, current, dims), names.convOut, 3, current, 3);
  g.output(VAE_IO.image, net.cast(x, net.dtype, 'f32'), 'f32', [1, 3, ...dims]);
}
