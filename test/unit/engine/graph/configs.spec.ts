import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseClipConfig } from '../../../../src-main/engine/graph/clip-text.js';
import { parseFluxConfig } from '../../../../src-main/engine/graph/flux-config.js';
import { parseT5Config } from '../../../../src-main/engine/graph/t5-encoder.js';
import { parseVaeConfig } from '../../../../src-main/engine/graph/vae.js';

const config = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`test/fixtures/reference-tiny/flux/${path}/config.json`, 'utf8')) as Record<string, unknown>;

describe('parseFluxConfig', () => {
  it("fills in FLUX.1-dev's rotary axes where the config has none", () => {
    const json = {
      ...config('transformer'),
      num_attention_heads: 24,
      attention_head_dim: 128,
      axes_dims_rope: undefined,
    };
    expect(parseFluxConfig(json, 'config.json')).toMatchObject({
      hidden: 3072,
      axesDims: [16, 56, 56],
      outChannels: 64,
    });
  });

  it.each([
    ['axes that do not sum to the head size', { axes_dims_rope: [8, 12, 14] }, 'a sum of 34'],
    ['odd axes', { axes_dims_rope: [7, 13, 12] }, 'axes_dims_rope'],
    ['a union ControlNet', { num_mode: 10 }, 'num_mode'],
    ['a hint network', { conditioning_embedding_channels: 16 }, 'conditioning_embedding_channels'],
    ['another patch size', { patch_size: 2 }, 'patch_size'],
    ['no layers', { num_layers: 0 }, 'num_layers'],
    ['an endless network', { num_layers: 1e9 }, 'num_layers'],
    ['a text where a number belongs', { num_layers: '19' }, 'num_layers'],
  ])('refuses %s', (_, change, message) => {
    expect(() => parseFluxConfig({ ...config('transformer'), ...change }, 'config.json')).toThrow(message);
  });

  it('refuses what is not an object', () => {
    for (const json of [null, [], 'x', 3]) expect(() => parseFluxConfig(json, 'config.json')).toThrow('JSON object');
  });
});

describe('the other configs', () => {
  it('read the fixture', () => {
    expect(parseT5Config(config('text_encoder_2'), 'T5')).toMatchObject({
      hidden: 48,
      heads: 6,
      headSize: 8,
      blocks: 2,
    });
    expect(parseClipConfig(config('text_encoder'), 'CLIP')).toMatchObject({
      hidden: 32,
      positions: 77,
      eosTokenId: 749,
    });
    expect(parseVaeConfig(config('vae'), 'VAE')).toMatchObject({ channels: [32, 32, 64, 64], shiftFactor: 0.1159 });
  });

  it('refuse activations and layouts that the graphs do not compute', () => {
    expect(() => parseT5Config({ ...config('text_encoder_2'), feed_forward_proj: 'relu' }, 'T5')).toThrow(
      'feed_forward_proj',
    );
    expect(() => parseClipConfig({ ...config('text_encoder'), hidden_act: 'gelu' }, 'CLIP')).toThrow('hidden_act');
    expect(() => parseVaeConfig({ ...config('vae'), use_quant_conv: true }, 'VAE')).toThrow('use_quant_conv');
    expect(() => parseVaeConfig({ ...config('vae'), shift_factor: null }, 'VAE')).toThrow('shift_factor');
  });
});
