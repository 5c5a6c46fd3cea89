/**
 * The layouts in which FLUX, its autoencoder and T5 are published besides diffusers' and transformers': tables for
 * `rename`. Linear weights are [out, in] in all of them, and heads have the same order.
 */
import type { RenameRule } from './rename-rules.js';

const STREAMS = [
  { bfl: 'img', norm: 'norm1', q: ['to_q', 'to_k', 'to_v'], out: 'to_out.0', qk: ['norm_q', 'norm_k'], ff: 'ff' },
  {
    bfl: 'txt',
    norm: 'norm1_context',
    q: ['add_q_proj', 'add_k_proj', 'add_v_proj'],
    out: 'to_add_out',
    qk: ['norm_added_q', 'norm_added_k'],
    ff: 'ff_context',
  },
] as const;

/** Newer files name the norms' values as diffusers does. */
const SCALE = { from: 'scale', to: 'weight' } as const;

/**
 * Black Forest Labs' FLUX.1, also in ComfyUI's files and in GGUF.
 * @source black-forest-labs/flux model.py, modules/layers.py; huggingface/diffusers loaders/single_file_utils.py
 */
export const BFL_FLUX: readonly RenameRule[] = [
  { from: 'img_in', to: 'x_embedder' },
  { from: 'txt_in', to: 'context_embedder' },
  ...[
    ['time_in', 'timestep_embedder'],
    ['vector_in', 'text_embedder'],
    ['guidance_in', 'guidance_embedder'],
  ].flatMap(([bfl, ours]) => [
    { from: `${bfl}.in_layer`, to: `time_text_embed.${ours}.linear_1` },
    { from: `${bfl}.out_layer`, to: `time_text_embed.${ours}.linear_2` },
  ]),
  { from: 'final_layer.linear', to: 'proj_out' },
  // The original emits shift before scale, diffusers scale before shift.
  { from: 'final_layer.adaLN_modulation.1', to: 'norm_out.linear', halves: 'swapped' },
  ...STREAMS.flatMap(({ bfl, norm, q, out, qk, ff }): RenameRule[] => {
    const [from, to] = [`double_blocks.#.${bfl}`, 'transformer_blocks.#'];
    return [
      { from: `${from}_mod.lin`, to: `${to}.${norm}.linear` },
      { from: `${from}_attn.qkv`, to: q.map((name) => `${to}.attn.${name}`), rows: 'equal' },
      { from: `${from}_attn.norm.query_norm`, to: `${to}.attn.${qk[0]}`, own: SCALE },
      { from: `${from}_attn.norm.key_norm`, to: `${to}.attn.${qk[1]}`, own: SCALE },
      { from: `${from}_attn.proj`, to: `${to}.attn.${out}` },
      { from: `${from}_mlp.0`, to: `${to}.${ff}.net.0.proj` },
      { from: `${from}_mlp.2`, to: `${to}.${ff}.net.2` },
    ];
  }),
  { from: 'single_blocks.#.modulation.lin', to: 'single_transformer_blocks.#.norm.linear' },
  {
    from: 'single_blocks.#.linear1',
    to: ['attn.to_q', 'attn.to_k', 'attn.to_v', 'proj_mlp'].map((name) => `single_transformer_blocks.#.${name}`),
    rows: 'width',
  },
  { from: 'single_blocks.#.linear2', to: 'single_transformer_blocks.#.proj_out' },
  { from: 'single_blocks.#.norm.query_norm', to: 'single_transformer_blocks.#.attn.norm_q', own: SCALE },
  { from: 'single_blocks.#.norm.key_norm', to: 'single_transformer_blocks.#.attn.norm_k', own: SCALE },
];

/**
 * The autoencoder as Black Forest Labs and ComfyUI store it (`ae.safetensors`).
 * @source black-forest-labs/flux modules/autoencoder.py; huggingface/diffusers loaders/single_file_utils.py
 */
export const BFL_VAE: readonly RenameRule[] = [
  ...(['encoder', 'decoder'] as const).flatMap((half): RenameRule[] => [
    { from: `${half}.conv_in`, to: `${half}.conv_in` },
    { from: `${half}.norm_out`, to: `${half}.conv_norm_out` },
    { from: `${half}.conv_out`, to: `${half}.conv_out` },
    { from: `${half}.mid.attn_1.norm`, to: `${half}.mid_block.attentions.0.group_norm` },
    ...(
      [
        ['q', 'to_q'],
        ['k', 'to_k'],
        ['v', 'to_v'],
        ['proj_out', 'to_out.0'],
      ] as const
    ).map(([from, to]): RenameRule => ({
      from: `${half}.mid.attn_1.${from}`,
      to: `${half}.mid_block.attentions.0.${to}`,
      squeezed: true,
    })),
    ...['norm1', 'conv1', 'norm2', 'conv2'].flatMap((layer): RenameRule[] => [
      { from: `${half}.mid.block_1.${layer}`, to: `${half}.mid_block.resnets.0.${layer}` },
      { from: `${half}.mid.block_2.${layer}`, to: `${half}.mid_block.resnets.1.${layer}` },
    ]),
  ]),
  ...['norm1', 'conv1', 'norm2', 'conv2', 'nin_shortcut'].flatMap((layer): RenameRule[] => {
    const ours = layer === 'nin_shortcut' ? 'conv_shortcut' : layer;
    return [
      { from: `encoder.down.#.block.#.${layer}`, to: `encoder.down_blocks.#.resnets.#.${ours}` },
      // The decoder's levels are numbered from the picture inwards.
      { from: `decoder.up.#.block.#.${layer}`, to: `decoder.up_blocks.~.resnets.#.${ours}` },
    ];
  }),
  { from: 'encoder.down.#.downsample.conv', to: 'encoder.down_blocks.#.downsamplers.0.conv' },
  { from: 'decoder.up.#.upsample.conv', to: 'decoder.up_blocks.~.upsamplers.0.conv' },
];

/**
 * T5's encoder in llama.cpp's GGUF.
 * @source ggml-org/llama.cpp gguf-py/gguf/tensor_mapping.py, T5ENCODER
 */
export const LLAMA_T5: readonly RenameRule[] = [
  { from: 'token_embd', to: 'shared' },
  { from: 'enc.output_norm', to: 'encoder.final_layer_norm' },
  { from: 'enc.blk.#.attn_norm', to: 'encoder.block.#.layer.0.layer_norm' },
  { from: 'enc.blk.#.attn_rel_b', to: 'encoder.block.#.layer.0.SelfAttention.relative_attention_bias' },
  ...['q', 'k', 'v', 'o'].map((letter) => ({
    from: `enc.blk.#.attn_${letter}`,
    to: `encoder.block.#.layer.0.SelfAttention.${letter}`,
  })),
  { from: 'enc.blk.#.ffn_norm', to: 'encoder.block.#.layer.1.layer_norm' },
  { from: 'enc.blk.#.ffn_gate', to: 'encoder.block.#.layer.1.DenseReluDense.wi_0' },
  { from: 'enc.blk.#.ffn_up', to: 'encoder.block.#.layer.1.DenseReluDense.wi_1' },
  { from: 'enc.blk.#.ffn_down', to: 'encoder.block.#.layer.1.DenseReluDense.wo' },
];
