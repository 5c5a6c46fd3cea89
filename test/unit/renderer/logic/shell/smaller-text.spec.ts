import { afterEach, describe, expect, it } from 'vitest';
import type { SmallerChoice } from '../../../../../src-main/contract/smaller-choice';
import { changeName, choiceFacts, needSentence } from '../../../../../src-renderer/logic/shell/smaller-text';
import { useLanguage } from '../../../../../src-renderer/text/text.svelte';

const full = { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' } as const;
const GIB = 2 ** 30;

function choice(change: Partial<SmallerChoice>): SmallerChoice {
  return {
    change: { kind: 'formats', formats: { ...full, flux: 'int8' } },
    needsBytes: 12 * GIB,
    fit: 'fits',
    savedBytes: 10.25 * GIB,
    weightErrors: [{ component: 'flux', before: 0, after: 0.009, measured: false }],
    seconds: 62,
    secondsMore: 2,
    ...change,
  };
}

afterEach(() => useLanguage('en', []));

describe('changeName', () => {
  it('names the one thing that changes, or the whole', () => {
    expect(changeName(choice({}).change, full)).toBe('FLUX in INT8');
    expect(changeName({ kind: 'formats', formats: { flux: 'int4', t5: 'int4', infusenet: 'int4' } }, full)).toBe(
      'All INT4',
    );
    expect(changeName({ kind: 'size', width: 1024, height: 768 }, full)).toBe('1024 × 768 pixels');
    expect(changeName({ kind: 'tiles' }, full)).toBe('Decode in tiles');
  });
});

describe('choiceFacts', () => {
  it.each([
    [{}, 'saves 10.3 GiB, FLUX weight error about 0.9 % instead of 0 %, takes about 1 min'],
    [
      { weightErrors: [{ component: 'flux', before: 0.0088, after: 0.0812, measured: true }], seconds: null },
      'saves 10.3 GiB, FLUX weight error 8.1 % instead of 0.88 %, time not known yet',
    ],
    [
      { change: { kind: 'size', width: 64, height: 64 }, weightErrors: [], fit: 'too-big' },
      'saves 10.3 GiB, another picture: its noise has another size, takes about 1 min, probably still too big',
    ],
    [
      { change: { kind: 'tiles' }, weightErrors: [], secondsMore: null },
      'saves 10.3 GiB, the picture stays the same, decoding takes a little longer',
    ],
    [
      { change: { kind: 'tiles' }, weightErrors: [], secondsMore: 20 },
      'saves 10.3 GiB, the picture stays the same, takes about 20 s longer',
    ],
  ] as [Partial<SmallerChoice>, string][])('%o', (change, text) => {
    expect(choiceFacts(choice(change))).toBe(text);
  });

  it('speaks the language', () => {
    useLanguage('de', []);
    expect(choiceFacts(choice({}))).toMatch(/^spart 10,3 GiB, Gewichtsfehler von FLUX etwa 0,9 % statt 0 %, /);
  });
});

describe('needSentence', () => {
  it('sets it against what is free', () => {
    const offered = { stage: 'load', needsBytes: 24 * GIB, freeBytes: 9.5 * GIB, choices: [] } as const;
    expect(needSentence({ ...offered, choices: [] })).toBe(
      'It needs about 24.0 GiB at its peak; 9.50 GiB are free now.',
    );
    expect(needSentence({ ...offered, choices: [], freeBytes: null })).toMatch(/cannot be read here\.$/);
  });
});
