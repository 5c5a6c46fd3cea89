import { describe, expect, it } from 'vitest';
import { filesOf, INFINITEYOU_FLUX, licencesOf, MANIFESTS } from '../../../src-main/library/manifest.js';

const paths = (variants: readonly string[]) => filesOf(INFINITEYOU_FLUX, variants).map(({ path }) => path);

describe('INFINITEYOU_FLUX', () => {
  it('adds up to what the documentation says', () => {
    const gigabytes = (source: string, variants: readonly string[]) =>
      filesOf(INFINITEYOU_FLUX, variants)
        .filter((file) => file.source === source)
        .reduce((sum, { bytes }) => sum + bytes, 0) / 1e9;
    expect(gigabytes('flux', [])).toBeCloseTo(33.7, 1);
    expect(gigabytes('infiniteyou', ['aes_stage2'])).toBeCloseTo(5.91 + 0.338, 2);
  });

  it('leaves out the same weights at the root, f32 shards and unused networks', () => {
    const all = paths(['aes_stage2', 'sim_stage1']);
    expect(
      all.filter((path) =>
        /^(flux1-dev|ae)\.safetensors$|1k3d68|2d106det|genderage|fp8|00002\.safetensors$/.test(path),
      ),
    ).toEqual(['text_encoder_2/model-00001-of-00002.safetensors', 'text_encoder_2/model-00002-of-00002.safetensors']);
    expect(all).toContain('infu_flux_v1.0/sim_stage1/infusenet_sim_bf16.safetensors');
  });

  it('takes one variant alone', () => {
    expect(paths(['aes_stage2']).some((path) => path.includes('sim_stage1'))).toBe(false);
  });

  it.each(MANIFESTS.map((manifest) => [manifest.id, manifest] as const))('%s is sound', (_id, manifest) => {
    const targets = manifest.files.map(({ target }) => target);
    expect(new Set(targets).size).toBe(targets.length);
    for (const { source, target, sha256, variant } of manifest.files) {
      expect(manifest.sources[source], source).toBeDefined();
      expect(target).toMatch(/^[\w][\w.-]*(\/[\w][\w.-]*)*$/);
      expect(sha256 ?? '0'.repeat(64)).toMatch(/^[0-9a-f]{64}$/);
      if (variant !== null) expect(manifest.variants).toContain(variant);
    }
    for (const source of Object.values(manifest.sources)) {
      expect(manifest.licences.map(({ id }) => id)).toContain(source.licence);
    }
    expect(licencesOf(manifest, [...manifest.files, ...manifest.parts])).toHaveLength(manifest.licences.length);
  });
});
