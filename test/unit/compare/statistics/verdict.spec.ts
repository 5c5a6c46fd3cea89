import { describe, expect, it } from 'vitest';
import { meanWithUncertainty } from '../../../../src-main/compare/statistics/paired-difference.js';
import {
  plain,
  probability,
  signed,
  signedBytes,
  uncertain,
} from '../../../../src-main/compare/report/plain-numbers.js';
import { verdictSentence } from '../../../../src-main/compare/report/verdict-sentence.js';
import { verdictOf, type VerdictInput } from '../../../../src-main/compare/statistics/verdict.js';

type Identity = VerdictInput['identities'][number];
const GIB = 2 ** 30;
const flip = { count: 8, mean: 0.031, standardError: 0.002, halfWidth: 0.005 };
const by = (encoder: string, conditioned: boolean, delta: Identity['delta']): Identity => ({
  encoder,
  conditioned,
  delta,
});
const verdict = (of: VerdictInput): string => verdictSentence('All INT8', verdictOf(of));
const input: VerdictInput = {
  peakDelta: -2.4 * GIB,
  identities: [by('arcface', true, { count: 8, mean: -0.004, standardError: 0.0025, halfWidth: 0.006 })],
  pictures: 8,
  prompts: 1,
  flip,
  floor: { count: 1, low: 0, high: 0 },
};

describe('verdict', () => {
  it('names the saving and the change of identity with its uncertainty', () => {
    expect(verdict(input)).toBe(
      'All INT8: peak −2.4 GiB, identity −0.004 ± 0.006 over 8 seeds. ' +
        'The change is within the variation between seeds. ' +
        'Difference from the reference: FLIP 0.031; repeating the same settings gives none.',
    );
  });

  it('says so when scores change beyond their scatter', () => {
    const identity = { count: 8, mean: -0.05, standardError: 0.004, halfWidth: 0.01 };
    expect(verdict({ ...input, identities: [by('arcface', true, identity)] })).toContain(
      'identity −0.050 ± 0.010 over 8 seeds. Identity scores are lower than the reference’s, by more than the variation between seeds.',
    );
  });

  it('names both encoders, and concludes by the one that did not condition', () => {
    const lower = { count: 8, mean: -0.05, standardError: 0.004, halfWidth: 0.01 };
    expect(verdict({ ...input, identities: [...input.identities, by('glintr100', false, lower)] })).toContain(
      'identity −0.004 ± 0.006 by arcface, −0.050 ± 0.010 by glintr100 over 8 seeds. ' +
        'By glintr100, which conditioned nothing, identity scores are lower than the reference’s, by more than the variation between seeds.',
    );
    expect(verdict({ ...input, identities: [...input.identities, by('glintr100', false, null)] })).toBe(verdict(input));
  });

  it('compares with the noise floor', () => {
    expect(verdict({ ...input, floor: { count: 3, low: 0.02, high: 0.04 } })).toContain(
      'FLIP 0.031, no more than repeating the same settings gives (up to 0.040).',
    );
    expect(verdict({ ...input, floor: null })).toContain('FLIP 0.031.');
  });

  it('says what it does not know', () => {
    expect(verdict({ ...input, peakDelta: null, identities: [by('arcface', true, null)], flip: null })).toBe(
      'All INT8: peak not measured, identity not scored.',
    );
    expect(verdict({ ...input, identities: [by('arcface', true, meanWithUncertainty([0.25]))] })).toContain(
      'identity +0.250 over 1 seed, 7 seeds without a score. One seed says nothing about the variation between seeds.',
    );
  });

  it('counts pictures where there are several prompts', () => {
    expect(verdict({ ...input, prompts: 2, pictures: 9 })).toContain(
      'identity −0.004 ± 0.006 over 8 pictures of 2 prompts, 1 picture without a score.',
    );
  });

  it('says identical when every pixel is', () => {
    const nothing = { count: 8, mean: 0, standardError: 0, halfWidth: 0 };
    expect(verdict({ ...input, identities: [by('arcface', true, nothing)], flip: nothing })).toBe(
      'All INT8: peak −2.4 GiB, identity 0.000 ± 0.000 over 8 seeds. Every picture is identical to the reference.',
    );
  });

  it('never speaks of quality', () => {
    expect(verdict(input)).not.toMatch(/quality|loss|worse|better/i);
  });
});

describe('numbers for people', () => {
  it('use a real minus sign, and no sign for what rounds to zero', () => {
    expect(signed(-0.0123, 3)).toBe('−0.012');
    expect(signed(0.0123, 3)).toBe('+0.012');
    expect(signed(-0.0001, 3)).toBe('0.000');
    expect(signed(0.0001, 3)).toBe('0.000');
    expect(plain(-1.5, 1)).toBe('−1.5');
  });

  it('show small changes of memory in MiB', () => {
    expect(signedBytes(-2.4 * GIB)).toBe('−2.4 GiB');
    expect(signedBytes(3.25 * 2 ** 20)).toBe('+3.3 MiB');
  });

  it('show as many decimals as the uncertainty deserves', () => {
    expect(uncertain({ mean: -0.0041, halfWidth: 0.0062 })).toBe('−0.004 ± 0.006');
    expect(uncertain({ mean: 0.71, halfWidth: 0.00012 }, false)).toBe('0.7100 ± 0.0001');
    expect(uncertain({ mean: 0.71, halfWidth: null }, false)).toBe('0.710');
  });

  it('never show a probability of zero', () => {
    expect([0.171875, 0.0107, 0.00123, 1e-9].map(probability)).toEqual([
      'p = 0.17',
      'p = 0.011',
      'p = 0.0012',
      'p < 0.001',
    ]);
  });
});
