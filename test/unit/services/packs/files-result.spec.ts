import { sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesResultSchema } from '../../../../src-main/contract/own-files.js';
import type { PartSearch } from '../../../../src-main/library/import-check.js';
import { INFINITEYOU_FLUX } from '../../../../src-main/library/manifest.js';
import { slotsOf } from '../../../../src-main/library/part-choice.js';
import { distinctNames, filesResult, proposedName } from '../../../../src-main/services/packs/files-result.js';
import { foundPart, foundPlace } from '../../support/found-places.js';

const path = (...names: readonly string[]) => sep + names.join(sep);

describe('names of files', () => {
  it.each<[string, string[], string[]]>([
    ['the last', [path('a', 'x'), path('b', 'y')], ['x', 'y']],
    ['of equals, the folder too', [path('a', 'x'), path('b', 'x'), path('b', 'y')], [`a${sep}x`, `b${sep}x`, 'y']],
    ['as far up as needed', [path('a', 'm', 'x'), path('b', 'm', 'x')], [`a${sep}m${sep}x`, `b${sep}m${sep}x`]],
    ['the same file twice', [path('a', 'x'), path('a', 'x')], ['x', 'x']],
    ['none', [], []],
  ])('%s', (_, paths, names) => {
    expect(distinctNames(paths)).toEqual(names);
  });
});

it('a pack is named after the program, and once', () => {
  expect(proposedName('comfyui', [])).toBe('FLUX from ComfyUI');
  expect(proposedName('comfyui', ['FLUX from ComfyUI', 'FLUX from ComfyUI 2'])).toBe('FLUX from ComfyUI 3');
  expect(proposedName(null, [])).toBe('My files');
});

describe('the result for the page', () => {
  const search: PartSearch = {
    program: 'forge',
    roots: [],
    ...slotsOf([
      foundPlace(path('m', 'q4.gguf'), foundPart('flux', { quantized: 'Q4_K', bytes: 7, dtypes: ['F32', 'Q4_K'] })),
      foundPlace(path('m', 'fp8'), foundPart('flux', { quantized: 'F8_E4M3', bytes: 12, dtypes: ['F8_E4M3'] })),
      foundPlace(path('m', 'ae'), foundPart('vae', { dtypes: ['F32'] })),
      foundPlace(path('m', 'clip_l'), foundPart('clip', { dtypes: ['F16', 'F32'] })),
      foundPlace(path('m', 't'), foundPart('tokenizer', { dtypes: [], bytes: 0 })),
    ]),
    unfinished: [path('m', 'x.part'), path('packs', 'own', 'y.part')],
    isPartial: false,
  };
  const result = filesResult({
    search,
    choice: { flux: 1 },
    audit: { parts: [foundPart('flux', { state: 'other-model' })], complete: false },
    manifest: INFINITEYOU_FLUX,
    packsDir: path('packs'),
    name: 'Mine',
  });

  it('is what the contract says', () => {
    expect(filesResultSchema.parse(result)).toEqual(result);
  });

  it('shows how each file is stored', () => {
    const stored = result.parts.map(({ key, candidates }) => [key, candidates.map((one) => one.stored)]);
    expect(Object.fromEntries(stored)).toMatchObject({
      flux: ['FP8', 'Q4_K'],
      vae: ['32-bit'],
      clip: ['16-bit'],
      tokenizer: [''],
      t5: [],
    });
  });

  it('has the state of the used file among the others, and of the rest their own', () => {
    const state = (key: string) => result.parts.find((one) => one.key === key);
    expect(state('flux')).toMatchObject({ chosen: 1, state: 'other-model' });
    expect(state('vae')).toMatchObject({ chosen: 0, state: 'ok' });
    expect(state('t5')).toMatchObject({ chosen: null, state: 'missing' });
    expect(state('recognition')).toMatchObject({ needed: false });
  });

  it('leaves out the app’s own unfinished downloads', () => {
    expect(result.unfinished).toEqual([path('m', 'x.part')]);
  });
});
