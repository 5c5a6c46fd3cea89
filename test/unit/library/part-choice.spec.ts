import { describe, expect, it } from 'vitest';
import type { AuditPart, PlaceDescription } from '../../../src-main/engine/protocol/audit-report.js';
import { slotKey, slotsOf, targetOf, variantInUse } from '../../../src-main/library/part-choice.js';
import { foundPart, foundPlace } from '../support/found-places.js';

const order = (places: readonly PlaceDescription[], part: AuditPart): string[] =>
  slotsOf(places)
    .slots.filter((slot) => slot.part === part)
    .flatMap(({ candidates }) => candidates.map(({ path }) => path));

describe('the proposed file of a part', () => {
  it('is usable, wide, and not wider than it must be', () => {
    const files = [
      foundPlace('/m/broken', foundPart('flux', { state: 'truncated' })),
      foundPlace('/m/Q4', foundPart('flux', { quantized: 'Q4_K', bytes: 7 })),
      foundPlace('/m/f32', foundPart('flux', { dtypes: ['F32'], bytes: 48 })),
      foundPlace('/m/Q8', foundPart('flux', { quantized: 'Q8_0', bytes: 13 })),
      foundPlace('/m/bf16', foundPart('flux', { bytes: 24 })),
    ];
    expect(order(files, 'flux')).toEqual(['/m/bf16', '/m/f32', '/m/Q8', '/m/Q4', '/m/broken']);
  });

  it('is the file of FLUX, where a checkpoint of another model has one too', () => {
    const checkpoint = foundPlace('/a/sd15', foundPart('clip'), foundPart('vae', { state: 'other-model' }));
    const own = foundPlace('/b/clip_l', foundPart('clip'));
    expect(order([checkpoint, own], 'clip')).toEqual(['/b/clip_l', '/a/sd15']);
    expect(order([checkpoint], 'clip')).toEqual(['/a/sd15']);
  });

  it('of equals is named after FLUX', () => {
    const files = ['/m/ae', '/m/flux-ae'].map((path) => foundPlace(path, foundPart('vae')));
    expect(order(files, 'vae')).toEqual(['/m/flux-ae', '/m/ae']);
  });
});

describe('variants', () => {
  it.each([
    ['/m/controlnet/infusenet_sim_bf16.safetensors', 'sim_stage1'],
    ['/m/infu_flux_v1.0/aes_stage2/InfuseNetModel', 'aes_stage2'],
    ['/m/infinite_you/infusenet.safetensors', 'aes_stage2'],
    ['/m/my_own/infusenet.safetensors', 'my_own'],
  ])('%s is of %s', (path, variant) => {
    const { slots } = slotsOf([foundPlace(path, foundPart('infusenet'))]);
    expect(slots.filter(({ variant: name }) => name !== null).map(slotKey)).toEqual([
      `infusenet/${variant}`,
      `image-projection/${variant}`,
    ]);
  });

  it('are used when both of their parts are there, else the one with the most', () => {
    const sim = foundPlace('/m/sim_stage1/a', foundPart('infusenet'));
    const aes = foundPlace('/m/aes_stage2/a', foundPart('infusenet'));
    const projection = foundPlace('/m/aes_stage2/b', foundPart('image-projection'));
    const names = (places: readonly PlaceDescription[]) =>
      targetOf(slotsOf(places).slots, {}).variants.map(([name]) => name);
    expect(names([sim, aes, projection])).toEqual(['aes_stage2']);
    expect(names([sim])).toEqual(['sim_stage1']);
    expect(variantInUse(slotsOf([sim, aes, projection]).slots)).toBe('aes_stage2');
    expect(variantInUse(slotsOf([]).slots)).toBe('aes_stage2');
  });
});
