import { describe, expect, it } from 'vitest';
import { API, METHODS } from '../../../src-main/contract/api.js';
import { appSettingsSchema, DEFAULT_APP_SETTINGS } from '../../../src-main/contract/app-settings.js';
import * as contract from '../../../src-main/contract/formats.js';
import {
  comparisonDraftSchema,
  differingFields,
  SETTING_FIELDS,
  settingValue,
  type ComparisonDraft,
  type RunSettings,
} from '../../../src-main/contract/generation-settings.js';
import { MAX_CELLS } from '../../../src-main/contract/limits.js';
import {
  differencePath,
  parsePicturePath,
  photoPath,
  previewPath,
  resultPath,
  samplePath,
} from '../../../src-main/contract/picture-path.js';
import { tagSchema } from '../../../src-main/contract/run.js';
import { variantTitle } from '../../../src-main/contract/variant-title.js';
import { sizePresets } from '../../../src-main/contract/size-presets.js';

const draft: ComparisonDraft = {
  packId: 'demo',
  provider: 'cpu',
  modelVariant: 'aes_stage2',
  identityId: null,
  faceIndex: 0,
  poseId: null,
  steps: 10,
  width: 256,
  height: 256,
  guidance: 3.5,
  conditioningScale: 1,
  start: 0,
  end: 1,
  loras: [],
  prompts: ['a portrait'],
  seeds: [1],
  variants: [{ flux: '16-bit', t5: '16-bit', infusenet: 'nf4' }],
  repeats: 1,
};

const settings: RunSettings = {
  packId: 'demo',
  provider: 'cpu',
  modelVariant: 'aes_stage2',
  identityId: 'abc',
  faceIndex: 0,
  poseId: null,
  steps: 10,
  width: 256,
  height: 256,
  guidance: 3.5,
  conditioningScale: 1,
  start: 0,
  end: 1,
  loras: [],
  prompt: 'a portrait',
  seed: 1,
  formats: { flux: '16-bit', t5: '16-bit', infusenet: 'nf4' },
};

describe("the contract's vocabulary", () => {
  it('has presets that name every component', () => {
    for (const preset of contract.VARIANT_PRESETS) {
      for (const variant of preset.variants) expect(contract.formatChoiceSchema.parse(variant)).toEqual(variant);
    }
    expect(contract.VARIANT_PRESETS.find((preset) => preset.id === 'infusenet-all')?.variants).toHaveLength(
      contract.WEIGHT_FORMATS.length,
    );
  });
});

describe('the request table', () => {
  it('refuses unknown keys in every input', () => {
    for (const method of METHODS) {
      const parsed = API[method].input.safeParse({ 'no such key': 1 });
      expect(parsed.success, method).toBe(false);
      const codes = parsed.error?.issues.map((issue) => issue.code) ?? [];
      expect(codes, method).toContain('unrecognized_keys');
    }
  });
});

describe('a draft', () => {
  it('is taken within its limits', () => {
    expect(comparisonDraftSchema.parse(draft)).toEqual(draft);
  });

  it.each<[string, Partial<ComparisonDraft>]>([
    ['a size off the grid', { width: 250 }],
    ['a start after the end', { start: 0.9, end: 0.1 }],
    ['too many cells', { seeds: Array.from({ length: 100 }, (_, i) => i), prompts: Array(6).fill('x') }],
    ['an empty prompt', { prompts: ['  '] }],
    ['a negative seed', { seeds: [-1] }],
    ['a seed beyond 32 bits', { seeds: [2 ** 32] }],
    ['no variant', { variants: [] }],
    ['an identity that is a path', { identityId: '../x' }],
    ['not a number', { guidance: NaN }],
  ])('is refused with %s', (_what, change) => {
    expect(comparisonDraftSchema.safeParse({ ...draft, ...change }).success).toBe(false);
  });

  it(`may have ${MAX_CELLS} cells`, () => {
    const seeds = Array.from({ length: 100 }, (_, i) => i);
    expect(comparisonDraftSchema.safeParse({ ...draft, seeds, prompts: Array(5).fill('x') }).success).toBe(true);
  });
});

describe('setting fields', () => {
  it('each tell two runs apart', () => {
    const changes: Record<(typeof SETTING_FIELDS)[number], Partial<RunSettings>> = {
      flux: { formats: { ...settings.formats, flux: 'int8' } },
      t5: { formats: { ...settings.formats, t5: 'int8' } },
      infusenet: { formats: { ...settings.formats, infusenet: 'int8' } },
      seed: { seed: 2 },
      prompt: { prompt: 'another' },
      steps: { steps: 11 },
      size: { height: 512 },
      guidance: { guidance: 4 },
      conditioningScale: { conditioningScale: 0.9 },
      start: { start: 0.1 },
      end: { end: 0.9 },
      modelVariant: { modelVariant: 'sim_stage1' },
      provider: { provider: 'webgpu' },
      identity: { faceIndex: 1 },
      pose: { poseId: 'pose' },
      pack: { packId: 'other' },
      loras: { loras: [{ loraId: 'a', name: 'style', weight: 0.5 }] },
      decode: { decode: 'tiles' },
      memoryLimit: { memoryLimit: 7.5 },
    };
    for (const field of SETTING_FIELDS) {
      expect(differingFields(settings, { ...settings, ...changes[field] })).toEqual([field]);
    }
    expect(differingFields(settings, { ...settings })).toEqual([]);
    expect(variantTitle({ ...settings, decode: 'tiles' }, settings)).toMatch(/, decoded in tiles$/);
    expect(variantTitle({ ...settings, decode: 'whole' }, settings)).toMatch(/, decoded whole$/);
    expect(variantTitle({ ...settings, memoryLimit: 7.5 }, settings)).toMatch(/, at most 7\.5 GiB of the card$/);
    expect(variantTitle(settings, { ...settings, memoryLimit: 7.5 })).toMatch(/, no memory limit$/);
    // Without an identity the face index means nothing.
    expect(settingValue({ ...settings, identityId: null, faceIndex: 3 }, 'identity')).toBe('none');
  });
});

describe('size presets', () => {
  it('lie on multiples of 16 inside the limits', () => {
    for (const preset of sizePresets(864 * 1152, 256, 1536)) {
      expect(preset.width % 16).toBe(0);
      expect(preset.height % 16).toBe(0);
      expect(Math.min(preset.width, preset.height)).toBeGreaterThanOrEqual(256);
      expect(Math.max(preset.width, preset.height)).toBeLessThanOrEqual(1536);
    }
    expect(sizePresets(864 * 1152, 256, 1536).find((preset) => preset.ratio === '3:4')).toMatchObject({
      width: 864,
      height: 1152,
    });
  });

  it('leave out ratios that the limits would bend', () => {
    expect(sizePresets(128 * 128, 128, 128).map((preset) => preset.ratio)).toEqual(['1:1']);
  });
});

describe('picture paths', () => {
  it('are read back', () => {
    expect(parsePicturePath(resultPath('ab_-9'))).toEqual({ kind: 'result', ids: ['ab_-9'] });
    expect(parsePicturePath(previewPath('run', 12))).toEqual({ kind: 'preview', ids: ['run', '12'] });
    expect(parsePicturePath(differencePath('a', 'b'))).toEqual({ kind: 'difference', ids: ['a', 'b'] });
    expect(parsePicturePath(photoPath('p'))).toEqual({ kind: 'photo', ids: ['p'] });
    expect(parsePicturePath(samplePath('s'))).toEqual({ kind: 'sample', ids: ['s'] });
  });

  it.each([
    '/picture/result/',
    '/picture/result/a.b',
    '/picture/difference/a',
    '/picture/difference/a.b.c',
    '/picture/result/../x',
    '/picture/result/a/b',
    '/picture/result/%2e%2e',
    '/picture/nope/a',
    '/pictures/result/a',
    '/picture/constructor/a',
    `/picture/result/${'a'.repeat(65)}`,
  ])('are not made of %s', (path) => {
    expect(parsePicturePath(path)).toBeNull();
  });
});

describe('tags', () => {
  it.each(['keep', 'Ada-Lovelace', 'größe', '光'])('may be %s', (tag) => {
    expect(tagSchema.parse(` ${tag} `)).toBe(tag);
  });
  it.each(['two words', 'a:b', 'x>1', '"q"', '', 'x'.repeat(41)])('may not be %j', (tag) => {
    expect(tagSchema.safeParse(tag).success).toBe(false);
  });
});

describe('settings', () => {
  it('have defaults that fit their schema', () => {
    expect(appSettingsSchema.parse(DEFAULT_APP_SETTINGS)).toEqual(DEFAULT_APP_SETTINGS);
  });
});
