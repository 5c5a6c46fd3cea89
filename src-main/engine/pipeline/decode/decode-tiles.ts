/**
 * Latents to pixels with little memory: the decoder's last levels layer by layer in tiles, with maps in host memory
 * between them. Equal to the whole decode except for rounding (`graph/vae-tiles.ts`). It is slower: the first
 * convolution of each resnet and the upsamplings run twice or more.
 */
import { throwIfAborted } from '../../../base/app-error.js';
import { defined, invariant } from '../../../base/assert.js';
import { GROUP_NORM_EPSILON, VAE_IO, type VaeConfig } from '../../graph/vae.js';
import { deepLevelsGraph, HALO_ROWS, planTiles, TILE_IO, tileGraph, type TileLayer } from '../../graph/vae-tiles.js';
import type { Feed } from '../../runtime/session.js';
import type { LatentShape } from '../../sampling/latents.js';
import { TILE_MAP_BYTES } from '../memory/decode-memory.js';
import { openNetwork, type LoadedNetwork, type NetworkWeights } from '../networks/network-session.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import type { PrepareContext } from '../networks/prepared.js';
import { ChannelSums, copyRows, cutRows, type Tile } from './tile-rows.js';
import { prepareDecoder } from '../networks/vae-codec.js';

/** A map [C, height, width] in host memory. */
interface HostMap {
  readonly data: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Mean and scale of a normalization's channels. */
interface Statistics {
  readonly mean: Float32Array;
  readonly scale: Float32Array;
}

export interface TiledDecode {
  /** [3, height, width] f32, about -1..1. */
  readonly planes: Float32Array;
  /** Largest number of tiles of a layer. */
  readonly tiles: number;
  /** Largest weights of a session, bytes. */
  readonly weightBytes: number;
}

export interface TileOptions {
  /** Bytes of a tile's widest map; smaller tiles need less memory and more time. Default `TILE_MAP_BYTES`. */
  readonly mapBytes?: number;
  /** 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/**
 * @param latents from `decoderLatents`
 * @throws the sessions' errors; AbortError between tiles
 */
export async function decodeInTiles(
  context: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  shape: LatentShape,
  latents: Float32Array,
  options: TileOptions = {},
): Promise<TiledDecode> {
  const plan = planTiles(vae.config);
  invariant(plan !== null, 'a decoder of one level has nothing to tile');
  const weights = await prepareDecoder(context, vae);
  const run = new TileRun(context, vae.config, weights, options);
  let map = await run.deepLevels(shape, latents, plan.wholeLevels, plan.wholeChannels);
  let known: Statistics | null = null;
  let middle: Statistics | null = null;
  for (const [index, layer] of plan.layers.entries()) {
    const done = await run.layer(layer, map, { first: known, second: middle }, (fraction) => {
      options.onProgress?.((index + fraction) / plan.layers.length);
    });
    if (layer.kind === 'sums-middle') middle = done.statistics;
    else known = done.statistics;
    map = done.map ?? map;
  }
  return { planes: map.data, tiles: run.tiles, weightBytes: run.weightBytes };
}

class TileRun {
  readonly #context: PrepareContext;
  readonly #config: VaeConfig;
  readonly #weights: NetworkWeights;
  readonly #mapBytes: number;
  tiles = 1;
  weightBytes = 0;

  constructor(context: PrepareContext, config: VaeConfig, weights: NetworkWeights, options: TileOptions) {
    this.#context = context;
    this.#config = config;
    this.#weights = weights;
    this.#mapBytes = options.mapBytes ?? TILE_MAP_BYTES;
  }

  async deepLevels(shape: LatentShape, latents: Float32Array, levels: number, channels: number): Promise<HostMap> {
    const { height, width } = shape;
    const session = await this.#open("the VAE decoder's deep levels", (builder) => {
      const net = builder.network(this.#weights, this.#context.profile, 'vae');
      deepLevelsGraph(builder.g, net, this.#config, height, width);
    });
    try {
      const feeds = { [VAE_IO.latents]: { data: latents, dims: [1, shape.channels, height, width] } };
      const data = defined((await session.run(feeds))[TILE_IO.output], TILE_IO.output);
      const grown = 2 ** (levels - 1);
      return { data, channels, height: grown * height, width: grown * width };
    } finally {
      await session.release();
    }
  }

  async layer(
    layer: TileLayer,
    map: HostMap,
    known: { readonly first: Statistics | null; readonly second: Statistics | null },
    onProgress: (fraction: number) => void,
  ): Promise<{ readonly map: HostMap | null; readonly statistics: Statistics | null }> {
    const grown = layer.upsample === null ? 1 : 2;
    const tiles = cutRows(map.height, this.#ownRows(layer, map.width * grown) / grown, HALO_ROWS);
    const [{ rows }] = tiles as [Tile];
    this.tiles = Math.max(this.tiles, tiles.length);
    const height = grown * map.height;
    const width = grown * map.width;
    const made: HostMap | null =
      layer.kind === 'resnet' || layer.kind === 'last'
        ? { data: new Float32Array(layer.out * height * width), channels: layer.out, height, width }
        : null;
    const sums = layer.kind === 'last' ? null : new ChannelSums(layer.kind === 'sums-in' ? layer.into : layer.out);
    const session = await this.#open(`the VAE decoder's ${layer.kind} tiles`, (builder) => {
      const net = builder.network(this.#weights, this.#context.profile, 'vae');
      tileGraph(builder.g, net, this.#config, layer, rows, map.width);
    });
    try {
      const window = rows === map.height ? map.data : new Float32Array(map.channels * rows * map.width);
      for (const [index, tile] of tiles.entries()) {
        throwIfAborted(this.#context.signal);
        if (window !== map.data) {
          const target = { data: window, height: rows, start: 0 };
          copyRows({ data: map.data, height: map.height, start: tile.start }, target, rows, map.width);
        }
        const results = await session.run({
          [TILE_IO.input]: { data: window, dims: [1, map.channels, rows, map.width] },
          ...statisticsFeeds(layer, known),
        });
        const first = grown * (tile.from - tile.start);
        const last = grown * (tile.to - tile.start);
        sums?.add(
          defined(results[TILE_IO.sums], TILE_IO.sums),
          defined(results[TILE_IO.squares], TILE_IO.squares),
          grown * rows,
          first,
          last,
        );
        if (made !== null) {
          const source = { data: defined(results[TILE_IO.output], TILE_IO.output), height: grown * rows, start: first };
          copyRows(source, { data: made.data, height, start: grown * tile.from }, last - first, width);
        }
        onProgress((index + 1) / tiles.length);
      }
    } finally {
      await session.release();
    }
    const statistics = sums?.statistics(this.#config.groups, height * width, GROUP_NORM_EPSILON) ?? null;
    return { map: made, statistics };
  }

  /** Rows of a layer's output whose widest map stays within the limit. */
  #ownRows(layer: TileLayer, width: number): number {
    const bytes = this.#context.profile.dtype === 'f16' ? 2 : 4;
    return Math.max(2, Math.floor(this.#mapBytes / (Math.max(layer.into, layer.out) * width * bytes)));
  }

  async #open(label: string, build: Parameters<typeof openNetwork>[0]['build']): Promise<LoadedNetwork> {
    const session = await openNetwork({ label, device: this.#context, build, partOfNetwork: true });
    this.weightBytes = Math.max(this.weightBytes, session.weightBytes);
    return session;
  }
}

function statisticsFeeds(
  layer: TileLayer,
  { first, second }: { readonly first: Statistics | null; readonly second: Statistics | null },
): Record<string, Feed> {
  const feed = (data: Float32Array): Feed => ({ data, dims: [1, data.length, 1, 1] });
  if (layer.kind === 'sums-in') return {};
  invariant(first !== null, 'the statistics of a layer are known before it runs');
  const feeds = { [TILE_IO.mean1]: feed(first.mean), [TILE_IO.scale1]: feed(first.scale) };
  if (layer.kind !== 'resnet') return feeds;
  invariant(second !== null, 'the statistics between the convolutions are known before the resnet runs');
  return { ...feeds, [TILE_IO.mean2]: feed(second.mean), [TILE_IO.scale2]: feed(second.scale) };
}
