import { describe, expect, it } from 'vitest';
import { nunchakuModule, nunchakuNormName } from '../../../../../src-main/engine/weights/names/nunchaku.js';

/** Earlier name, later name, linears; of deepcompressor's convert.py and nunchaku's convert_flux_state_dict. */
const DOUBLE = [
  ['norm1.linear', 'norm1.linear', 'norm1.linear'],
  ['norm1_context.linear', 'norm1_context.linear', 'norm1_context.linear'],
  ['qkv_proj', 'attn.to_qkv', 'attn.to_q attn.to_k attn.to_v'],
  ['qkv_proj_context', 'attn.add_qkv_proj', 'attn.add_q_proj attn.add_k_proj attn.add_v_proj'],
  ['out_proj', 'attn.to_out.0', 'attn.to_out.0'],
  ['out_proj_context', 'attn.to_add_out', 'attn.to_add_out'],
  ['mlp_fc1', 'ff.net.0.proj', 'ff.net.0.proj'],
  ['mlp_fc2', 'ff.net.2', 'ff.net.2'],
  ['mlp_context_fc1', 'ff_context.net.0.proj', 'ff_context.net.0.proj'],
  ['mlp_context_fc2', 'ff_context.net.2', 'ff_context.net.2'],
] as const;
const SINGLE = [
  ['norm.linear', 'norm.linear', 'norm.linear'],
  ['qkv_proj', 'attn.to_qkv', 'attn.to_q attn.to_k attn.to_v'],
  ['mlp_fc1', 'mlp_fc1', 'proj_mlp'],
  ['out_proj', 'attn.to_out', 'proj_out'],
  ['mlp_fc2', 'mlp_fc2', 'proj_out'],
] as const;

function linears(name: string): string | undefined {
  const module = nunchakuModule(name)?.module;
  return module?.kind === 'rows' ? module.linears.join(' ') : module?.linear;
}

describe('nunchakuModule', () => {
  it.each(DOUBLE)('knows %s and %s of double blocks', (earlier, later, expected) => {
    expect(linears(`transformer_blocks.18.${earlier}`)).toBe(expected);
    expect(linears(`model.diffusion_model.transformer_blocks.0.${later}`)).toBe(expected);
  });

  it.each(SINGLE)('knows %s and %s of single blocks', (earlier, later, expected) => {
    expect(linears(`single_transformer_blocks.37.${earlier}`)).toBe(expected);
    expect(linears(`single_transformer_blocks.0.${later}`)).toBe(expected);
  });

  it('shifts what comes after a GELU, and keeps the prefix', () => {
    const shifted = (name: string): boolean => {
      const module = nunchakuModule(name)?.module;
      return module?.kind === 'rows' && module.afterGelu;
    };
    const names = DOUBLE.map(([earlier]) => earlier).filter((name) => shifted(`transformer_blocks.0.${name}`));
    expect(names).toEqual(['mlp_fc2', 'mlp_context_fc2']);
    expect(nunchakuModule('a.single_transformer_blocks.7.mlp_fc1')?.block).toBe('a.single_transformer_blocks.7.');
  });

  it.each(['transformer_blocks.0.attn.to_q', 'transformer_blocks.x.qkv_proj', 'layers.0.q', 'constructor'])(
    'knows no %s',
    (name) => {
      expect(nunchakuModule(name)).toBeNull();
    },
  );
});

describe('nunchakuNormName', () => {
  it('puts the norms of queries and keys into the attention', () => {
    expect(nunchakuNormName('transformer_blocks.0.norm_added_q.weight')).toBe(
      'transformer_blocks.0.attn.norm_added_q.weight',
    );
    expect(nunchakuNormName('single_transformer_blocks.1.norm_k.weight')).toBe(
      'single_transformer_blocks.1.attn.norm_k.weight',
    );
    expect(nunchakuNormName('transformer_blocks.0.attn.norm_q.weight')).toBeNull();
    expect(nunchakuNormName('norm_out.linear.weight')).toBeNull();
  });
});
