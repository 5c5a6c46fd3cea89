import { describe, expect, it } from 'vitest';
import { comparisonDraftSchema } from '../../../../../src-main/contract/generation-settings';
import type { PackSummary } from '../../../../../src-main/contract/pack';
import {
  addVariants,
  cellCount,
  draftProblems,
  duplicateRows,
  fitToPack,
  randomSeed,
  seedsFrom,
  startDraft,
  withMemoryLimit,
  withProvider,
} from '../../../../../src-renderer/logic/studio/draft';

const pack: PackSummary = {
  id: 'demo',
  name: 'Demo',
  licence: 'MIT',
  source: 'bundled',
  note: null,
  faceDetection: 'scrfd',
  modelVariants: ['aes_stage2', 'sim_stage1'],
  defaults: { width: 256, height: 256, steps: 8, guidance: 3.5 },
  limits: { minSize: 128, maxSize: 384, maxSteps: 50 },
  complete: true,
  bytes: 0,
  quantized: { flux: null, t5: null, infusenet: null },
  problem: null,
};
const all = (format: 'int8' | 'nf4') => ({ flux: format, t5: format, infusenet: format });
const draft = { ...startDraft(pack, 'cpu'), prompts: ['a portrait'] };

describe('startDraft', () => {
  it('is ready to run once it has a prompt', () => {
    expect(comparisonDraftSchema.safeParse(draft).success).toBe(true);
    expect(draftProblems(draft, pack)).toEqual({});
    expect(draftProblems(startDraft(pack, 'cpu'), pack)).toEqual({
      prompts: 'Write what the picture should show.',
    });
  });
});

describe('draftProblems', () => {
  it.each([
    [{ width: 250 }, 'width', 'Width must be a multiple of 16.'],
    [{ height: 512 }, 'height', 'Height must be 128 to 384 pixels for this pack.'],
    [{ steps: 51 }, 'steps', 'Steps must be 1 to 50.'],
    [{ steps: 2.5 }, 'steps', 'Steps must be 1 to 50.'],
    [{ seeds: [-1] }, 'seeds', 'A seed is a whole number from 0 to 4294967295.'],
    [{ guidance: Number.NaN }, 'guidance', 'Guidance must be 0 to 20.'],
    [{ start: 0.8, end: 0.5 }, 'start', 'Start must not be after end.'],
    [{ memoryLimit: 0.5 }, 'memoryLimit', 'Memory limit must be 1 to 256.'],
    [{ memoryLimit: 257 }, 'memoryLimit', 'Memory limit must be 1 to 256.'],
    [{ variants: [] }, 'variants', 'Add at least one variant.'],
    [{ variants: [all('nf4'), all('nf4')] }, 'variants', 'Two rows have the same formats. Change or remove one.'],
    [
      { seeds: seedsFrom(0, 100), repeats: 5 },
      'variants',
      'That would be 1,500 pictures; a comparison holds at most 500.',
    ],
  ] as const)('%o is said at %s', (change, field, sentence) => {
    const problems = draftProblems({ ...draft, ...structuredClone(change) } as typeof draft, pack);
    expect(problems).toEqual({ [field]: sentence });
  });
});

describe('a limit of memory', () => {
  const limited = withMemoryLimit(withProvider(draft, 'cuda'), 7.5);

  it('is part of the draft, and absent for what is free', () => {
    expect(limited).toEqual({ ...draft, provider: 'cuda', memoryLimit: 7.5 });
    expect(comparisonDraftSchema.safeParse(limited).success).toBe(true);
    expect(withMemoryLimit(limited, null)).not.toHaveProperty('memoryLimit');
  });

  it('goes with the card that it was for', () => {
    expect(withProvider(limited, 'cuda')).toEqual(limited);
    expect(withProvider(limited, 'cpu')).toEqual(draft);
  });
});

describe('variants', () => {
  it('adds only what is not there', () => {
    expect(addVariants([all('int8')], [all('int8'), all('nf4'), all('nf4')])).toEqual([all('int8'), all('nf4')]);
  });

  it('names the row that a row repeats', () => {
    expect(duplicateRows([all('int8'), all('nf4'), all('int8')])).toEqual([null, null, 1]);
  });

  it('counts pictures', () => {
    expect(cellCount({ ...draft, seeds: [1, 2], repeats: 2, prompts: ['a', 'b'] })).toBe(24);
  });
});

describe('seeds', () => {
  it('follow the first and wrap at the end', () => {
    expect(seedsFrom(42, 3)).toEqual([42, 43, 44]);
    expect(seedsFrom(2 ** 32 - 1, 2)).toEqual([2 ** 32 - 1, 0]);
  });

  it('reach both ends of the range', () => {
    expect(randomSeed(0)).toBe(0);
    expect(randomSeed(1 - 2 ** -40)).toBe(2 ** 32 - 1);
  });
});

describe('fitToPack', () => {
  it('keeps what the other pack can do and takes its defaults for the rest', () => {
    const other = {
      ...pack,
      id: 'big',
      modelVariants: ['sim_stage1'],
      limits: { minSize: 512, maxSize: 2048, maxSteps: 4 },
    };
    expect(fitToPack(draft, { ...other, defaults: { ...pack.defaults, width: 864, height: 1152 } })).toMatchObject({
      packId: 'big',
      modelVariant: 'sim_stage1',
      steps: 4,
      width: 864,
      height: 1152,
      prompts: ['a portrait'],
    });
  });
});
