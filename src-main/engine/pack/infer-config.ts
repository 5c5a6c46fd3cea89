/**
 * Sizes of networks from their tensors' shapes, for files without a config.json: single files of ComfyUI, Forge and GGUF.
 * The results are configs as diffusers and transformers write them. What shapes do not show has the value of FLUX.1-dev's
 * own configs. Pure.
 *
 * @source black-forest-labs/FLUX.1-dev: transformer, text_encoder, text_encoder_2, vae and scheduler configs
 */
import { AppError } from '../../base/app-error.js';
import type { FilePart } from '../weights/file-parts.js';
import type { TensorEntry } from '../weights/tensor-source.js';

type Entries = ReadonlyMap<string, TensorEntry>;
type Json = Readonly<Record<string, unknown>>;

/** Width of a head of CLIP-L; narrower networks have one. */
const CLIP_HEAD = 64;
/** FLUX's VAE. */
const VAE_GROUPS = 32;
const VAE_SCALING = 0.3611;
const VAE_SHIFT = 0.1159;

/** @throws AppError config.invalid when the tensors do not show the sizes */
export function inferConfig(part: 'flux' | 'infusenet' | 't5' | 'clip' | 'vae', entries: Entries, where: string): Json {
  const shapes = new Shapes(part, entries, where);
  switch (part) {
    case 'flux':
    case 'infusenet':
      return fluxConfig(shapes, part);
    case 't5':
      return t5Config(shapes);
    case 'clip':
      return clipConfig(shapes);
    case 'vae':
      return vaeConfig(shapes);
  }
}

function fluxConfig(shapes: Shapes, part: 'flux' | 'infusenet'): Json {
  const [width, channels] = shapes.of('x_embedder.weight', 2);
  const [head] = shapes.of('transformer_blocks.0.attn.norm_q.weight', 1);
  const [, joint] = shapes.of('context_embedder.weight', 2);
  const [, pooled] = shapes.of('time_text_embed.text_embedder.linear_1.weight', 2);
  const double = shapes.count(/^transformer_blocks\.(\d+)\./);
  const single = shapes.count(/^single_transformer_blocks\.(\d+)\./);
  return {
    _class_name: part === 'flux' ? 'FluxTransformer2DModel' : 'FluxControlNetModel',
    attention_head_dim: head,
    // FLUX.1 divides a head of 128 into 16, 56 and 56.
    axes_dims_rope: [head / 8, (head * 7) / 16, (head * 7) / 16],
    guidance_embeds: shapes.has('time_text_embed.guidance_embedder.linear_1.weight'),
    in_channels: channels,
    out_channels: part === 'flux' ? shapes.of('proj_out.weight', 2)[0] : null,
    joint_attention_dim: joint,
    num_attention_heads: width / head,
    num_layers: double,
    num_single_layers: single,
    patch_size: 1,
    pooled_projection_dim: pooled,
  };
}

function t5Config(shapes: Shapes): Json {
  const [vocabulary, width] = shapes.of('shared.weight', 2);
  const [buckets, heads] = shapes.of('encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight', 2);
  const [inner] = shapes.of('encoder.block.0.layer.0.SelfAttention.q.weight', 2);
  const [feedForward] = shapes.of('encoder.block.0.layer.1.DenseReluDense.wi_0.weight', 2);
  return {
    architectures: ['T5EncoderModel'],
    d_ff: feedForward,
    d_kv: inner / heads,
    d_model: width,
    // Whatever a GGUF says: transformers reads ReLU out of one (5.24.0), but FLUX's T5 is gated.
    feed_forward_proj: 'gated-gelu',
    layer_norm_epsilon: 1e-6,
    num_heads: heads,
    num_layers: shapes.count(/^encoder\.block\.(\d+)\./),
    relative_attention_num_buckets: buckets,
    relative_attention_max_distance: 128,
    vocab_size: vocabulary,
  };
}

function clipConfig(shapes: Shapes): Json {
  const root = shapes.has('text_model.final_layer_norm.weight') ? 'text_model.' : '';
  const [vocabulary, width] = shapes.of(`${root}embeddings.token_embedding.weight`, 2);
  const [positions] = shapes.of(`${root}embeddings.position_embedding.weight`, 2);
  const [feedForward] = shapes.of(`${root}encoder.layers.0.mlp.fc1.weight`, 2);
  return {
    architectures: ['CLIPTextModel'],
    // The last of CLIP's tokens ends a text.
    eos_token_id: vocabulary - 1,
    hidden_act: 'quick_gelu',
    hidden_size: width,
    intermediate_size: feedForward,
    layer_norm_eps: 1e-5,
    max_position_embeddings: positions,
    num_attention_heads: Math.max(1, width / CLIP_HEAD),
    num_hidden_layers: shapes.count(/^(?:text_model\.)?encoder\.layers\.(\d+)\./),
    vocab_size: vocabulary,
  };
}

function vaeConfig(shapes: Shapes): Json {
  const levels = shapes.count(/^encoder\.down_blocks\.(\d+)\./);
  const [, latents] = shapes.of('decoder.conv_in.weight', 4);
  return {
    _class_name: 'AutoencoderKL',
    block_out_channels: Array.from(
      { length: levels },
      (_, level) => shapes.of(`encoder.down_blocks.${level}.resnets.0.conv1.weight`, 4)[0],
    ),
    latent_channels: latents,
    layers_per_block: shapes.count(/^encoder\.down_blocks\.0\.resnets\.(\d+)\./),
    norm_num_groups: VAE_GROUPS,
    scaling_factor: VAE_SCALING,
    shift_factor: VAE_SHIFT,
    use_quant_conv: shapes.has('quant_conv.weight'),
    use_post_quant_conv: shapes.has('post_quant_conv.weight'),
  };
}

/** FLUX.1-dev's scheduler_config.json, for packs without one. */
export const FLUX_SCHEDULER: Json = {
  _class_name: 'FlowMatchEulerDiscreteScheduler',
  base_image_seq_len: 256,
  base_shift: 0.5,
  max_image_seq_len: 4096,
  max_shift: 1.15,
  num_train_timesteps: 1000,
  shift: 3.0,
  use_dynamic_shifting: true,
};

class Shapes {
  readonly #part: FilePart;
  readonly #entries: Entries;
  readonly #where: string;

  constructor(part: FilePart, entries: Entries, where: string) {
    this.#part = part;
    this.#entries = entries;
    this.#where = where;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  of(name: string, rank: number): [number, number, number, number] {
    const shape = this.#entries.get(name)?.shape;
    if (shape?.length === rank) return shape as [number, number, number, number];
    throw this.#unclear(
      shape === undefined
        ? `"${name}" is missing`
        : `"${name}" has shape [${shape.join(', ')}], expected ${rank} dimensions`,
    );
  }

  /** Blocks that the pattern's group numbers: the highest index, plus one. */
  count(pattern: RegExp): number {
    let count = 0;
    for (const name of this.#entries.keys()) {
      const found = pattern.exec(name)?.[1];
      if (found !== undefined) count = Math.max(count, Number(found) + 1);
    }
    if (count === 0) throw this.#unclear('it has no blocks');
    return count;
  }

  #unclear(problem: string): AppError {
    return new AppError('config.invalid', `The size of ${this.#part} cannot be read from ${this.#where}: ${problem}.`, {
      remedy: 'The file is incomplete or of another model. Choose another file for this part.',
    });
  }
}
