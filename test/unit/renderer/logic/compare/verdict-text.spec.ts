import { afterEach, describe, expect, it } from 'vitest';
import { verdict } from '../../../../../src-main/compare/statistics/verdict.js';
import type { CompareVariant } from '../../../../../src-main/contract/compare-data';
import { verdictText } from '../../../../../src-renderer/logic/compare/verdict-text';
import { useLanguage } from '../../../../../src-renderer/text/text.svelte';

const GIB = 2 ** 30;
const identityDelta = { count: 8, mean: -0.004, halfWidth: 0.006 };
const flip = { count: 8, mean: 0.031, halfWidth: 0.005 };
const floor = { count: 1, low: 0, high: 0 };
const variant = {
  name: 'INT8 InfuseNet',
  peakDelta: -12.4 * GIB,
  faces: [{ encoder: 'arcface', conditioned: true, identity: null, identityDelta, likeness: null }],
  flip,
  floor,
  verdict: { pictures: 8, prompts: 1, standing: 'above' },
} as CompareVariant;

describe('verdictText', () => {
  afterEach(() => useLanguage('en', []));

  it('says in English what the report says', () => {
    const report = verdict({
      name: variant.name,
      peakDeltaBytes: variant.peakDelta,
      identities: [{ encoder: 'arcface', conditioned: true, delta: { ...identityDelta, standardError: 0.0025 } }],
      pictures: 8,
      prompts: 1,
      flip: { ...flip, standardError: 0.002 },
      floor,
    });
    expect(verdictText(variant, variant.name)).toBe(report);
  });

  it.each([
    ['scatter', 0.006],
    ['lower', 0.002],
  ])('says in English what the report says of two encoders: %s', (_change, halfWidth) => {
    const second = { count: 8, mean: -0.004, halfWidth };
    const identities = [
      { encoder: 'arcface', conditioned: true, delta: { ...identityDelta, standardError: 0.0025 } },
      { encoder: 'glintr100', conditioned: false, delta: { ...second, standardError: 0.0025 } },
    ];
    const faces = identities.map(({ delta, ...encoder }) => ({
      ...encoder,
      identity: null,
      identityDelta: delta,
      likeness: null,
    }));
    const report = verdict({
      name: variant.name, peakDeltaBytes: variant.peakDelta, identities, pictures: 8, prompts: 1,
      flip: { ...flip, standardError: 0.002 }, floor,
    }); // prettier-ignore
    expect(verdictText({ ...variant, faces }, variant.name)).toBe(report);
  });

  it('says it in the language spoken, with its numbers', () => {
    useLanguage('fr', []);
    expect(verdictText(variant, variant.name)).toBe(
      'INT8 InfuseNet\u00a0: pic −12,4\u00a0Gio, identité −0,004 ± 0,006 sur 8 graines. ' +
        'Un changement de ressemblance ne se distingue pas de la dispersion. ' +
        'Différence avec la référence\u00a0: FLIP 0,031\u202f; répéter les mêmes réglages n’en donne aucune.',
    );
  });

  it('says nothing of the reference', () => {
    expect(verdictText({ ...variant, verdict: null }, 'Reference')).toBeNull();
  });
});
