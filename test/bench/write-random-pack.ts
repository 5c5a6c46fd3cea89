/**
 * Complete packs of random bf16 weights in the upstream layouts: full size to measure memory and speed, which do not
 * depend on the values, or a fraction of it to try things out.
 *
 * Which tensors a network has is asked of the graph builders themselves, so the pack fits whatever they need.
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clipTextGraph, type ClipConfig } from '../../src-main/engine/graph/clip-text.js';
import { conditioningGraph } from '../../src-main/engine/graph/conditioning.js';
import { residualGraph, stepGraph } from '../../src-main/engine/graph/denoiser.js';
import { parseFluxConfig } from '../../src-main/engine/graph/flux-config.js';
import { imageProjectionGraph } from '../../src-main/engine/graph/image-projection.js';
import { t5EncoderGraph, type T5Config } from '../../src-main/engine/graph/t5-encoder.js';
import { vaeDecoderGraph, vaeEncoderGraph, type VaeConfig } from '../../src-main/engine/graph/vae.js';
import { clipNames, t5Names } from '../../src-main/engine/weights/names/text-encoders.js';
import { writeSafetensors, type WritableTensor } from '../support/write-safetensors.js';
import { shapesOf, type Shapes } from '../support/shape-book.js';
import { RandomWeights } from './random-weights.js';

/** Tokenizers of the miniature; every id they give is inside the full vocabularies. */
const TOKENIZERS = 'test/fixtures/reference-tiny/flux';
export interface Scale {
  readonly heads: number;
  readonly headSize: number;
  readonly axes: readonly number[];
  readonly double: number;
  readonly single: number;
  readonly controlDouble: number;
  readonly controlSingle: number;
  readonly t5: T5Config;
  readonly clip: ClipConfig;
  readonly vae: VaeConfig;
  readonly resampler: { readonly width: number; readonly layers: number };
}

const SHARED_T5 = { epsilon: 1e-6, buckets: 32, maxDistance: 128 } as const;
const SHARED_CLIP = { positions: 77, epsilon: 1e-5, eosTokenId: 749 } as const;
const SHARED_VAE = {
  layersPerBlock: 2,
  latentChannels: 16,
  groups: 32,
  scalingFactor: 0.3611,
  shiftFactor: 0.1159,
} as const;

/** @source black-forest-labs/FLUX.1-dev and ByteDance/InfiniteYou config.json files (docs/pipeline.md) */
export const FULL: Scale = {
  heads: 24,
  headSize: 128,
  axes: [16, 56, 56],
  double: 19,
  single: 38,
  controlDouble: 4,
  controlSingle: 10,
  t5: { ...SHARED_T5, hidden: 4096, headSize: 64, heads: 64, feedForward: 10240, blocks: 24, vocabulary: 32128 },
  clip: { ...SHARED_CLIP, hidden: 768, heads: 12, feedForward: 3072, blocks: 12, vocabulary: 49408 },
  vae: { ...SHARED_VAE, channels: [128, 256, 512, 512] },
  resampler: { width: 1280, layers: 4 },
};

export const SMALL: Scale = {
  heads: 4,
  headSize: 64,
  axes: [8, 28, 28],
  double: 3,
  single: 5,
  controlDouble: 1,
  controlSingle: 2,
  t5: { ...SHARED_T5, hidden: 256, headSize: 32, heads: 8, feedForward: 512, blocks: 3, vocabulary: 1024 },
  clip: { ...SHARED_CLIP, hidden: 128, heads: 2, feedForward: 256, blocks: 2, vocabulary: 1024 },
  vae: { ...SHARED_VAE, channels: [32, 64, 64, 64] },
  resampler: { width: 256, layers: 2 },
};

/** FLUX's and InfuseNet's full depth at a width that a CPU runs in seconds. */
export const DEEP: Scale = {
  ...SMALL,
  heads: 2,
  headSize: 32,
  axes: [8, 12, 12],
  double: FULL.double,
  single: FULL.single,
  controlDouble: FULL.controlDouble,
  controlSingle: FULL.controlSingle,
};

const weights = new RandomWeights();

/** Writes a network's file. @param depth of its blocks */
export type WriteNetwork = (path: string, shapes: Shapes, depth: number) => Promise<void>;

async function writeRandom(path: string, shapes: Shapes, depth: number): Promise<void> {
  const tensors = [...shapes].map(([name, shape]): WritableTensor => {
    return { name, dtype: 'BF16', shape, data: weights.values(name, shape, depth) };
  });
  await writeSafetensors(path, tensors, { metadata: { format: 'pt' } });
}

async function writeJson(path: string, json: unknown): Promise<void> {
  await writeFile(path, JSON.stringify(json, null, 2));
}

/**
 * @param scale sizes of the networks
 * @param writeNetwork default random bf16 weights
 */
export async function writeRandomPack(
  folder: string,
  scale: Scale,
  writeNetwork: WriteNetwork = writeRandom,
): Promise<void> {
  const flux = join(folder, 'flux');
  const variant = join(folder, 'infiniteyou', 'infu_flux_v1.0', 'aes_stage2');
  const transformer = (double: number, single: number) => ({
    attention_head_dim: scale.headSize,
    num_attention_heads: scale.heads,
    axes_dims_rope: scale.axes,
    guidance_embeds: true,
    in_channels: 64,
    joint_attention_dim: scale.t5.hidden,
    pooled_projection_dim: scale.clip.hidden,
    num_layers: double,
    num_single_layers: single,
    patch_size: 1,
  });
  for (const sub of ['transformer', 'text_encoder', 'text_encoder_2', 'vae', 'scheduler']) {
    await mkdir(join(flux, sub), { recursive: true });
  }
  await mkdir(join(variant, 'InfuseNetModel'), { recursive: true });
  for (const sub of ['tokenizer', 'tokenizer_2', 'scheduler', 'model_index.json']) {
    await cp(join(TOKENIZERS, sub), join(flux, sub), { recursive: true });
  }
  const TEXT_TOKENS = 512;
  await writeJson(join(flux, 'tokenizer_2', 'tokenizer_config.json'), {
    tokenizer_class: 'T5TokenizerFast',
    model_max_length: TEXT_TOKENS,
    eos_token: '</s>',
    pad_token: '<pad>',
    unk_token: '<unk>',
    extra_ids: 0,
  });

  const base = parseFluxConfig(transformer(scale.double, scale.single), 'flux');
  const control = parseFluxConfig(transformer(scale.controlDouble, scale.controlSingle), 'infusenet');
  await writeJson(join(flux, 'transformer', 'config.json'), {
    _class_name: 'FluxTransformer2DModel',
    ...transformer(scale.double, scale.single),
  });
  await writeNetwork(
    join(flux, 'transformer', 'diffusion_pytorch_model.safetensors'),
    shapesOf(
      (g, net) => conditioningGraph(g, net, base, 'flux'),
      (g, net) => stepGraph(g, { net, config: base }, null, { textTokens: TEXT_TOKENS, identityTokens: null }),
    ),
    scale.double + scale.single,
  );
  await writeJson(join(variant, 'InfuseNetModel', 'config.json'), {
    _class_name: 'FluxControlNetModel',
    ...transformer(scale.controlDouble, scale.controlSingle),
  });
  await writeNetwork(
    join(variant, 'infusenet_aes_bf16.safetensors'),
    shapesOf(
      (g, net) => conditioningGraph(g, net, control, 'infusenet'),
      (g, net) => residualGraph(g, { net, config: control }, 8),
    ),
    scale.controlDouble + scale.controlSingle,
  );

  const { t5, clip, vae, resampler } = scale;
  await writeJson(join(flux, 'text_encoder_2', 'config.json'), {
    d_model: t5.hidden,
    d_kv: t5.headSize,
    num_heads: t5.heads,
    d_ff: t5.feedForward,
    num_layers: t5.blocks,
    vocab_size: t5.vocabulary,
    layer_norm_epsilon: t5.epsilon,
    relative_attention_num_buckets: t5.buckets,
    relative_attention_max_distance: t5.maxDistance,
    feed_forward_proj: 'gated-gelu',
  });
  const t5Shapes = shapesOf((g, net) => t5EncoderGraph(g, net, t5));
  t5Shapes.set(t5Names(t5.blocks).embedding, [t5.vocabulary, t5.hidden]);
  t5Shapes.set(t5Names(t5.blocks).relativeBias, [t5.buckets, t5.heads]);
  await writeNetwork(join(flux, 'text_encoder_2', 'model.safetensors'), t5Shapes, t5.blocks);

  await writeJson(join(flux, 'text_encoder', 'config.json'), {
    hidden_size: clip.hidden,
    num_attention_heads: clip.heads,
    intermediate_size: clip.feedForward,
    num_hidden_layers: clip.blocks,
    max_position_embeddings: clip.positions,
    vocab_size: clip.vocabulary,
    layer_norm_eps: clip.epsilon,
    eos_token_id: clip.eosTokenId,
    hidden_act: 'quick_gelu',
  });
  const clipShapes = shapesOf((g, net) => clipTextGraph(g, net, clip, 'text_model.'));
  clipShapes.set(clipNames(clip.blocks, 'text_model.').tokenEmbedding, [clip.vocabulary, clip.hidden]);
  await writeNetwork(join(flux, 'text_encoder', 'model.safetensors'), clipShapes, clip.blocks);

  await writeJson(join(flux, 'vae', 'config.json'), {
    block_out_channels: vae.channels,
    layers_per_block: vae.layersPerBlock,
    latent_channels: vae.latentChannels,
    norm_num_groups: vae.groups,
    scaling_factor: vae.scalingFactor,
    shift_factor: vae.shiftFactor,
  });
  await writeNetwork(
    join(flux, 'vae', 'diffusion_pytorch_model.safetensors'),
    shapesOf(
      (g, net) => vaeEncoderGraph(g, net, vae, 64, 64),
      (g, net) => vaeDecoderGraph(g, net, vae, 8, 8),
    ),
    vae.channels.length * vae.layersPerBlock,
  );
  // Read by content: a safetensors file does for the torch file of the same name.
  await writeNetwork(
    join(variant, 'image_proj_model.bin'),
    shapesOf((g, net) =>
      imageProjectionGraph(g, net, {
        queries: 8,
        width: resampler.width,
        attentionWidth: resampler.width,
        feedForward: 4 * resampler.width,
        embedding: 512,
        output: t5.hidden,
        layers: resampler.layers,
        headSize: 64,
      }),
    ),
    resampler.layers,
  );
}
