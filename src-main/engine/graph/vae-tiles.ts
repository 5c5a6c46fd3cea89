/**
 * The VAE's decoder cut into graphs that need little memory, equal to the whole except for rounding. The deep levels
 * (small maps) run as one graph; the last two levels run layer by layer in tiles of full width. This is exact because:
 *
 * - a group normalization needs the whole picture's mean and variance. Each graph outputs the sums of its result, so the
 *   statistics are known before the next layer runs, and are its inputs;
 * - a 3×3 convolution needs a row above and below. Tiles overlap by `HALO_ROWS`, and rows next to a cut are discarded.
 *
 * C channels, R rows of a tile, W columns.
 */
import type { NormNames } from '../weights/names/text-encoders.js';
import { vaeDecoderNames, type ResnetNames, type VaeBlockNames } from '../weights/names/vae.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Network } from './network.js';
import { VAE_IO, VaeLayers, type VaeConfig } from './vae.js';
import type { LinearNames } from '../weights/names/flux.js';

export const TILE_IO = {
  /** [1, C, R, W] f32: the layer's input. */
  input: 'map',
  /** [1, C, 1, 1] f32 each: mean and 1/√(variance + ε) of the channel's group. */
  mean1: 'mean1',
  scale1: 'scale1',
  mean2: 'mean2',
  scale2: 'scale2',
  /** [1, C, R, W] f32: the layer's output. */
  output: 'out',
  /** [C, R] f32: sums of a row's values and of their squares. */
  sums: 'sums',
  squares: 'squares',
} as const;

/** Extra input rows of a tile on each side: 4 after an upsampling, of which 3 convolutions use 3. */
export const HALO_ROWS = 2;
/** Levels that run in tiles. The third from the image side has an eighth of the widest map. */
const TILED_LEVELS = 2;
/** Queries of the middle attention at once: scores of 15552 positions (864×1152) take 32 MB in f16. */
const QUERIES_AT_ONCE = 1024;

/** One layer of the tiled part. */
export interface TileLayer {
  /**
   * `sums-in`: sums of the (upsampled) input only; `sums-middle`: sums between a resnet's convolutions only; `resnet`:
   * its result and sums; `last`: pixels.
   */
  readonly kind: 'sums-in' | 'sums-middle' | 'resnet' | 'last';
  /** Convolution after doubling the input; null where the input already has the layer's size. */
  readonly upsample: LinearNames | null;
  readonly resnet: ResnetNames | null;
  /** Input and output channels. */
  readonly into: number;
  readonly out: number;
}

/** How a decoder is cut; null when it has only one level. */
export interface TilePlan {
  /** Levels of the first graph, and channels of its output. */
  readonly wholeLevels: number;
  readonly wholeChannels: number;
  readonly layers: readonly TileLayer[];
}

export function planTiles(config: VaeConfig): TilePlan | null {
  const widths = [...config.channels].reverse();
  const wholeLevels = Math.max(1, widths.length - TILED_LEVELS);
  if (wholeLevels === widths.length) return null;
  const names = vaeDecoderNames(widths.length, config.layersPerBlock);
  const layers: TileLayer[] = [];
  let current = widths[wholeLevels - 1] as number;
  for (let level = wholeLevels; level < widths.length; level++) {
    const out = widths[level] as number;
    const { resnets } = names.blocks[level] as VaeBlockNames;
    resnets.forEach((resnet, index) => {
      const upsample = index === 0 ? (names.blocks[level - 1] as VaeBlockNames).resample : null;
      const layer = { upsample, resnet, into: current, out };
      // The sums of a resnet's result come with it; those of an upsampled map do not.
      if (upsample !== null) layers.push({ ...layer, kind: 'sums-in' });
      layers.push({ ...layer, kind: 'sums-middle' }, { ...layer, kind: 'resnet' });
      current = out;
    });
  }
  layers.push({ kind: 'last', upsample: null, resnet: null, into: current, out: 3 });
  return { wholeLevels, wholeChannels: widths[wholeLevels - 1] as number, layers };
}

/** Latents to the result of the deep levels [1, C, rows, columns]. @param height, width of the latents */
export function deepLevelsGraph(g: GraphBuilder, net: Network, config: VaeConfig, height: number, width: number): void {
  const plan = planTiles(config);
  const names = vaeDecoderNames(config.channels.length, config.layersPerBlock);
  const layers = new VaeLayers(net, config.groups);
  const widths = [...config.channels].reverse();
  const [deepest] = widths as [number];
  let dims = [height, width];
  let x = net.cast(g.input(VAE_IO.latents, 'f32', [1, config.latentChannels, height, width]), 'f32', net.dtype);
  x = layers.conv(x, names.convIn, deepest, config.latentChannels, 3);
  x = layers.mid(x, names.mid, deepest, dims, QUERIES_AT_ONCE);
  let current = deepest;
  for (let level = 0; level < (plan?.wholeLevels ?? 0); level++) {
    if (level > 0) {
      const { resample } = names.blocks[level - 1] as VaeBlockNames;
      x = layers.conv(layers.upsample(x), resample, current, current, 3);
      dims = dims.map((size) => size * 2);
    }
    const out = widths[level] as number;
    for (const resnet of (names.blocks[level] as VaeBlockNames).resnets) {
      x = layers.resnet(x, resnet, current, out, dims);
      current = out;
    }
  }
  g.output(TILE_IO.output, net.cast(x, net.dtype, 'f32'), 'f32', [1, current, ...dims]);
}

/** @param rows, width of the input tile */
export function tileGraph(
  g: GraphBuilder,
  net: Network,
  config: VaeConfig,
  layer: TileLayer,
  rows: number,
  width: number,
): void {
  const layers = new VaeLayers(net, config.groups);
  const [tall, wide] = layer.upsample === null ? [rows, width] : [2 * rows, 2 * width];
  let x = net.cast(g.input(TILE_IO.input, 'f32', [1, layer.into, rows, width]), 'f32', net.dtype);
  if (layer.upsample !== null) x = layers.conv(layers.upsample(x), layer.upsample, layer.into, layer.into, 3);
  const sums = (value: Value, channels: number): void => {
    const exact = net.cast(value, net.dtype, 'f32');
    const overRow = (of: Value) => g.node('ReduceSum', [of, g.i64([0, 3])], { keepdims: 0 });
    g.output(TILE_IO.sums, overRow(exact), 'f32', [channels, tall]);
    g.output(TILE_IO.squares, overRow(g.node('Mul', [exact, exact])), 'f32', [channels, tall]);
  };
  if (layer.kind === 'sums-in') {
    sums(x, layer.into);
    return;
  }
  if (layer.resnet === null) {
    const names = vaeDecoderNames(config.channels.length, config.layersPerBlock);
    const normed = normSilu(g, net, x, names.normOut, layer.into, TILE_IO.mean1, TILE_IO.scale1);
    const pixels = layers.conv(normed, names.convOut, layer.out, layer.into, 3);
    g.output(TILE_IO.output, net.cast(pixels, net.dtype, 'f32'), 'f32', [1, layer.out, tall, wide]);
    return;
  }
  const { resnet, into, out } = layer;
  const first = normSilu(g, net, x, resnet.norm1, into, TILE_IO.mean1, TILE_IO.scale1);
  const middle = layers.conv(first, resnet.conv1, out, into, 3);
  if (layer.kind === 'sums-middle') {
    sums(middle, out);
    return;
  }
  const second = normSilu(g, net, middle, resnet.norm2, out, TILE_IO.mean2, TILE_IO.scale2);
  const skip = into === out ? x : layers.conv(x, resnet.shortcut, out, into, 1);
  const result = net.add(skip, layers.conv(second, resnet.conv2, out, out, 3));
  g.output(TILE_IO.output, net.cast(result, net.dtype, 'f32'), 'f32', [1, out, tall, wide]);
  sums(result, out);
}

/** Normalization with given statistics, in f32 like the reference's kernels, then SiLU. */
function normSilu(
  g: GraphBuilder,
  net: Network,
  x: Value,
  names: NormNames,
  channels: number,
  mean: string,
  scale: string,
): Value {
  const perChannel = [1, channels, 1, 1];
  const column = (name: string) => net.reshape(net.plain(name, [channels], 'f32'), perChannel);
  const factor = g.node('Mul', [column(names.weight), g.input(scale, 'f32', perChannel)]);
  const centred = g.node('Sub', [net.cast(x, net.dtype, 'f32'), g.input(mean, 'f32', perChannel)]);
  const normed = g.node('Add', [g.node('Mul', [centred, factor]), column(names.bias)]);
  return net.silu(net.cast(normed, 'f32', net.dtype));
}
