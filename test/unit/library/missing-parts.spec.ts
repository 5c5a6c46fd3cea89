import { describe, expect, it } from 'vitest';
import { INFINITEYOU_FLUX } from '../../../src-main/library/manifest.js';
import { missingParts, partsManifest } from '../../../src-main/library/missing-parts.js';
import { slotsOf } from '../../../src-main/library/part-choice.js';
import { foundPart, foundPlace } from '../support/found-places.js';

describe('what is missing', () => {
  it('of everything: each part with its download', () => {
    const missing = missingParts(slotsOf([]).slots, INFINITEYOU_FLUX);
    expect(missing.map(({ key }) => key)).toEqual([
      'flux',
      't5',
      'clip',
      'vae',
      'tokenizer',
      'tokenizer_2',
      'infusenet/aes_stage2',
      'image-projection/aes_stage2',
      'arcface',
      'scrfd',
    ]);
    for (const { key, bytes, from } of missing) {
      expect(bytes, key).toBeGreaterThan(0);
      expect(from, key).toMatch(/^[\w.-]+\/[\w.-]+$/);
    }
    // FLUX.1-dev's own licence is asked for on its page; what stands in for the rest is open.
    expect(missing.filter(({ gated }) => gated).map(({ key }) => key)).toEqual(['flux']);
  });

  it('leaves out what is usable, and keeps what is not', () => {
    const places = [
      foundPlace('/m/flux', foundPart('flux')),
      foundPlace('/m/t5', foundPart('t5', { state: 'truncated' }), foundPart('tokenizer_2')),
      foundPlace('/m/infusenet_sim_bf16', foundPart('infusenet')),
    ];
    const keys = missingParts(slotsOf(places).slots, INFINITEYOU_FLUX).map(({ key }) => key);
    expect(keys).toEqual(['t5', 'clip', 'vae', 'tokenizer', 'image-projection/sim_stage1', 'arcface', 'scrfd']);
  });

  it('names no download for a variant of somebody’s own', () => {
    const places = [foundPlace('/m/my_own/net', foundPart('infusenet'))];
    const missing = missingParts(slotsOf(places).slots, INFINITEYOU_FLUX);
    expect(missing.find(({ part }) => part === 'image-projection')).toMatchObject({
      key: 'image-projection/my_own',
      bytes: 0,
      from: null,
      gated: false,
    });
  });

  it('is downloaded as a pack of these files alone', () => {
    const { id, files, variants, licences } = partsManifest(INFINITEYOU_FLUX, 'own', ['vae', 'infusenet/sim_stage1']);
    expect(id).toBe('own');
    expect(variants).toEqual(['sim_stage1']);
    expect(files.map(({ path }) => path)).toEqual(
      INFINITEYOU_FLUX.parts
        .filter(({ part, variant }) => part === 'vae' || (part === 'infusenet' && variant === 'sim_stage1'))
        .map(({ path }) => path),
    );
    expect(files.length).toBeGreaterThan(1);
    expect(licences).toEqual(INFINITEYOU_FLUX.licences);
  });
});
