import { describe, expect, it } from 'vitest';
import { isKept, KEEP_PATTERNS } from '../../../../src-main/engine/quant/keep-list.js';

describe('isKept', () => {
  it.each([
    ['flux', 'x_embedder.weight'],
    ['flux', 'context_embedder.weight'],
    ['flux', 'time_text_embed.guidance_embedder.linear_2.weight'],
    ['flux', 'transformer_blocks.3.norm1.linear.weight'],
    ['flux', 'transformer_blocks.3.norm1_context.linear.weight'],
    ['flux', 'single_transformer_blocks.37.norm.linear.weight'],
    ['flux', 'single_transformer_blocks.37.attn.norm_q.weight'],
    ['flux', 'transformer_blocks.0.attn.norm_added_k.weight'],
    ['flux', 'transformer_blocks.0.attn.to_q.bias'],
    ['flux', 'norm_out.linear.weight'],
    ['flux', 'proj_out.weight'],
    ['infusenet', 'controlnet_x_embedder.weight'],
    ['infusenet', 'x_embedder.weight'],
    ['t5', 'shared.weight'],
    ['t5', 'encoder.embed_tokens.weight'],
    ['t5', 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'],
    ['t5', 'encoder.block.0.layer.1.layer_norm.weight'],
    ['t5', 'encoder.final_layer_norm.weight'],
  ] as const)('keeps %s %s', (component, name) => {
    expect(isKept(component, name)).toBe(true);
  });

  it.each([
    ['flux', 'transformer_blocks.3.attn.to_q.weight'],
    ['flux', 'transformer_blocks.3.attn.to_out.0.weight'],
    ['flux', 'transformer_blocks.3.ff_context.net.0.proj.weight'],
    ['flux', 'single_transformer_blocks.37.proj_out.weight'],
    ['flux', 'single_transformer_blocks.37.proj_mlp.weight'],
    ['infusenet', 'controlnet_blocks.0.weight'],
    ['infusenet', 'controlnet_single_blocks.9.weight'],
    ['t5', 'encoder.block.0.layer.0.SelfAttention.q.weight'],
    ['t5', 'encoder.block.0.layer.1.DenseReluDense.wo.weight'],
  ] as const)('quantizes %s %s', (component, name) => {
    expect(isKept(component, name)).toBe(false);
  });
});

describe('KEEP_PATTERNS', () => {
  it('names the component of each pattern', () => {
    expect(KEEP_PATTERNS).toContain('flux: proj_out.*');
    expect(KEEP_PATTERNS).not.toContain('infusenet: proj_out.*');
  });
});
