import { describe, expect, it } from 'vitest';
import { parseClipConfig } from '../../../../src-main/engine/graph/clip-text.js';
import { parseFluxConfig } from '../../../../src-main/engine/graph/flux-config.js';
import { parseT5Config } from '../../../../src-main/engine/graph/t5-encoder.js';
import { parseVaeConfig } from '../../../../src-main/engine/graph/vae.js';
import {
  clipNeeds,
  fluxNeeds,
  infuseNetNeeds,
  t5Needs,
  vaeNeeds,
  type TensorNeeds,
} from '../../../../src-main/engine/pack/audit-needs.js';
import { openCheckpoint } from '../../../../src-main/engine/weights/open-checkpoint.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';

/** @source black-forest-labs/FLUX.1-dev transformer/config.json */
const DEV = {
  patch_size: 1,
  in_channels: 64,
  num_layers: 19,
  num_single_layers: 38,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 4096,
  pooled_projection_dim: 768,
  guidance_embeds: true,
};
/** @source ByteDance/InfiniteYou InfuseNetModel/config.json */
const INFUSENET = { ...DEV, num_layers: 4, num_single_layers: 10 };

function parameters(needs: TensorNeeds): number {
  return [...needs.values()].reduce(
    (sum, shape) => sum + shape.reduce<number>((product, dim) => product * (dim ?? Number.NaN), 1),
    0,
  );
}

describe('what the real networks need', () => {
  it('is 1160 tensors for FLUX.1-dev, each read once', () => {
    expect(fluxNeeds(parseFluxConfig(DEV, 'flux')).size).toBe(1160);
  });

  it('is four less for schnell, which has no guidance embedder', () => {
    const needs = fluxNeeds(parseFluxConfig({ ...DEV, guidance_embeds: false }, 'flux'));
    expect(needs.size).toBe(1156);
    expect([...needs.keys()].some((name) => name.includes('guidance_embedder'))).toBe(false);
  });

  it('is 314 tensors for InfuseNet, and 2.953 billion parameters', () => {
    const needs = infuseNetNeeds(parseFluxConfig(INFUSENET, 'infusenet'));
    expect(needs.size).toBe(314);
    expect(parameters(needs) / 1e9).toBeCloseTo(2.953, 3);
  });
});

describe('what the reference networks need', () => {
  const FLUX = 'reference-tiny/flux';
  const config = (folder: string) => readFixtureJson<unknown>(`${folder}/config.json`);

  it.each([
    ['FLUX', `${FLUX}/transformer`, (folder: string) => fluxNeeds(parseFluxConfig(config(folder), 'c'))],
    [
      'InfuseNet',
      'reference-tiny/infiniteyou/infu_flux_v1.0/aes_stage2/InfuseNetModel',
      (folder: string) => infuseNetNeeds(parseFluxConfig(config(folder), 'c')),
    ],
    ['T5', `${FLUX}/text_encoder_2`, (folder: string) => t5Needs(parseT5Config(config(folder), 'c'))],
    ['CLIP', `${FLUX}/text_encoder`, (folder: string) => clipNeeds(parseClipConfig(config(folder), 'c'), '')],
    ['the VAE', `${FLUX}/vae`, (folder: string) => vaeNeeds(parseVaeConfig(config(folder), 'c'))],
  ])('are exactly the tensors that the original wrote for %s', async (_name, folder, needs) => {
    const source = await openCheckpoint(fixturePath(folder));
    try {
      const found = new Map([...source.entries.values()].map(({ name, shape }) => [name, shape]));
      const wanted = needs(folder);
      expect([...wanted.keys()].sort()).toEqual([...found.keys()].sort());
      for (const [name, shape] of wanted) {
        expect(
          shape.every((dim, i) => dim === null || dim === found.get(name)?.[i]),
          name,
        ).toBe(true);
      }
    } finally {
      await source.close();
    }
  });
});
