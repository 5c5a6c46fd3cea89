import { describe, expect, it } from 'vitest';
import type { PackSummary } from '../../../../../src-main/contract/pack';
import type { ReadSettings } from '../../../../../src-main/contract/picture-metadata';
import { startDraft } from '../../../../../src-renderer/logic/studio/draft';
import { draftFromMetadata } from '../../../../../src-renderer/logic/studio/draft-from-metadata';

const pack: PackSummary = {
  id: 'demo',
  name: 'Demo',
  licence: 'MIT',
  source: 'bundled',
  note: null,
  faceDetection: 'scrfd',
  modelVariants: ['aes_stage2'],
  defaults: { width: 256, height: 256, steps: 8, guidance: 3.5 },
  limits: { minSize: 128, maxSize: 384, maxSteps: 50 },
  complete: true,
  bytes: 0,
  quantized: { flux: null, t5: null, infusenet: null },
  problem: null,
};
const nothing: ReadSettings = {
  prompt: null,
  negativePrompt: null,
  seed: null,
  steps: null,
  width: null,
  height: null,
  guidance: null,
  conditioningScale: null,
  start: null,
  end: null,
  modelVariant: null,
  provider: null,
  packName: null,
  formats: null,
  loras: null,
};
const draft = { ...startDraft(pack, 'cpu'), identityId: 'p-1' };

describe('draftFromMetadata', () => {
  it('takes everything the pack can do and keeps the identity', () => {
    const formats = { flux: 'int8', t5: 'int8', infusenet: 'nf4' } as const;
    const read = { ...nothing, prompt: 'rain', seed: 7, steps: 12, width: 288, height: 224, guidance: 2, formats };
    const result = draftFromMetadata(draft, { ...read, start: 0.1, end: 0.9, provider: 'webgpu' }, pack);
    expect(result.missing).toEqual([]);
    expect(result.draft).toEqual({
      ...draft,
      prompts: ['rain'],
      seeds: [7],
      steps: 12,
      width: 288,
      height: 224,
      guidance: 2,
      start: 0.1,
      end: 0.9,
      provider: 'webgpu',
      variants: [formats],
    });
  });

  it('fills in LoRAs that are here by their contents, and says of the others what to do', () => {
    const lora = (name: string, weight: number, sha256: string | null, loraId: string | null) => ({
      name,
      weight,
      sha256,
      loraId,
    });
    const hash = 'ab'.repeat(32);
    const before = { ...draft, loras: [{ loraId: 'old', name: 'old', weight: 1 }] };
    const filled = { ...nothing, prompt: 'x', seed: 1 };
    const loras = [lora('soft', 0.8, hash, 'l-1'), lora('gone', -0.5, hash, null), lora('named', 1, null, null)];
    const result = draftFromMetadata(before, { ...filled, loras: [...loras, lora('loud', 9, hash, 'l-2')] }, pack);
    expect(result.draft.loras).toEqual([{ loraId: 'l-1', name: 'soft', weight: 0.8 }]);
    expect(result.missing).toEqual([
      'The LoRA gone (weight -0.5, sha256 abababababab…) is missing here. Drop its file on the studio, then read the picture again.',
      'The file names the LoRA named (weight 1) without its checksum. Add it by hand if you have the right one.',
      'The LoRA loud (weight 9) was left out: at most 8 LoRAs with weights up to 4 can be used.',
    ]);
    // A picture that was made without takes those of the form away; one that does not say leaves them.
    expect(draftFromMetadata(before, { ...filled, loras: [] }, pack).draft.loras).toEqual([]);
    expect(draftFromMetadata(before, filled, pack).draft.loras).toEqual(before.loras);
  });

  it('leaves what does not fit and says so', () => {
    const read = { ...nothing, prompt: 'x', seed: 2 ** 40, steps: 90, width: 1024, height: 1024, guidance: 99 };
    const result = draftFromMetadata(draft, { ...read, modelVariant: 'sim', negativePrompt: 'blurry' }, pack);
    expect(result.draft).toEqual({ ...draft, prompts: ['x'] });
    expect(result.missing).toEqual([
      'The file has no usable seed.',
      'This pack allows fewer than 90 steps.',
      'This pack cannot make 1024×1024.',
      'This pack has no variant sim.',
      'FLUX takes no negative prompt; it was left out.',
    ]);
  });
});
