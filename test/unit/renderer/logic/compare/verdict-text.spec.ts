import { afterEach, describe, expect, it } from 'vitest';
import { verdictSentence } from '../../../../../src-main/compare/report/verdict-sentence.js';
import { verdictOf, type VerdictInput } from '../../../../../src-main/compare/statistics/verdict.js';
import { verdictText } from '../../../../../src-renderer/logic/compare/verdict-text';
import { useLanguage } from '../../../../../src-renderer/text/text.svelte';

const GIB = 2 ** 30;
const delta = { count: 8, mean: -0.004, halfWidth: 0.006, standardError: 0.0025 };
const flip = { count: 8, mean: 0.031, halfWidth: 0.005, standardError: 0.002 };
const NAME = 'All INT8';
const input: VerdictInput = {
  peakDelta: -12.4 * GIB,
  identities: [{ encoder: 'arcface', conditioned: true, delta }],
  pictures: 8,
  prompts: 1,
  flip,
  floor: { count: 1, low: 0, high: 0 },
};
const second = (halfWidth: number) => ({ encoder: 'glintr100', conditioned: false, delta: { ...delta, halfWidth } });

describe('verdictText', () => {
  afterEach(() => useLanguage('en', []));

  it.each<[string, Partial<VerdictInput>]>([
    ['a change within the variation', {}],
    ['by a second encoder, within', { identities: [...input.identities, second(0.006)] }],
    ['by a second encoder, lower', { identities: [...input.identities, second(0.002)] }],
    ['several prompts, some without a score', { prompts: 2, pictures: 9 }],
    ['one picture', { identities: [{ encoder: 'arcface', conditioned: true, delta: { ...delta, halfWidth: null } }] }],
    ['nothing known', { peakDelta: null, identities: [], flip: null }],
    ['no repeats', { floor: null }],
    ['within the floor', { floor: { count: 3, low: 0.02, high: 0.04 } }],
    ['identical pictures', { flip: { ...flip, mean: 0 } }],
  ])('says in English what the report says: %s', (_case, change) => {
    const verdict = verdictOf({ ...input, ...change });
    expect(verdictText({ verdict }, NAME)).toBe(verdictSentence(NAME, verdict));
  });

  it('says it in the language spoken, with its numbers', () => {
    useLanguage('fr', []);
    expect(verdictText({ verdict: verdictOf(input) }, NAME)).toBe(
      'All INT8\u00a0: pic −12,4\u00a0Gio, identité −0,004 ± 0,006 sur 8 graines. ' +
        'Le changement reste dans la variation entre graines. ' +
        'Différence avec la référence\u00a0: FLIP 0,031\u202f; répéter les mêmes réglages n’en donne aucune.',
    );
  });

  it('says nothing of the reference', () => {
    expect(verdictText({ verdict: null }, NAME)).toBeNull();
  });
});
