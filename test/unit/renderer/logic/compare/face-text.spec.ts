import { describe, expect, it } from 'vitest';
import type { CompareVariant } from '../../../../../src-main/contract/compare-data';
import type { RunDetail, RunResult } from '../../../../../src-main/contract/run';
import {
  encoderRoles,
  faceCosineTitle,
  roleTitle,
  variantFaceOf,
} from '../../../../../src-renderer/logic/compare/face-text';
import { runFacts } from '../../../../../src-renderer/logic/runs/run-facts';
import { roleScoreText } from '../../../../../src-renderer/logic/runs/run-notes';

type Scores = Pick<RunResult, 'faceScores' | 'secondEncoder'>;
const arcface = { encoder: 'arcface', weightHash: 'a1', conditioned: true, identityScore: 0.8125 } as const;
const glintr = { encoder: 'glintr100', weightHash: 'b2', conditioned: false, identityScore: 0.625 } as const;

function run({ faceScores, secondEncoder }: Scores, identityState = 'scored'): RunDetail {
  return {
    status: 'done',
    formats: { flux: 'int8', t5: 'int8', infusenet: 'nf4' },
    settings: { loras: [], guidance: 1 },
    identityScore: faceScores.find(({ conditioned }) => conditioned)?.identityScore ?? null,
    identityState,
    createdAtMs: 0,
    loadBytes: null,
    peakBytes: null,
    totalSeconds: null,
    retry: null,
    result: { faceScores, secondEncoder, decode: { mode: 'whole' } },
  } as unknown as RunDetail;
}

const identityFacts = (of: RunDetail) =>
  runFacts(of).flatMap(({ label, value }) => (/^Identity (score|by)|encoder/.test(label) ? [[label, value]] : []));

describe('a run with two encoders', () => {
  const both = run({ faceScores: [arcface, glintr], secondEncoder: 'used' });
  const roles = encoderRoles([both, both]);

  it('has a column for each, which says what part it had in the picture', () => {
    expect(roles).toEqual([
      { conditioned: true, names: ['arcface'] },
      { conditioned: false, names: ['glintr100'] },
    ]);
    expect(roles.map((role) => roleTitle(role, roles, [both]))).toEqual([
      expect.stringMatching(/by arcface\. It also conditioned the picture, so this score is circular/),
      expect.stringMatching(/by glintr100\. It had no part in making the picture/),
    ]);
    expect(roleTitle(roles[0] ?? { conditioned: true, names: [] }, roles, [both])).not.toContain('Second encoder');
    expect(faceCosineTitle(roles)).toContain('by arcface and glintr100');
    expect([roleScoreText(both, true, 3), roleScoreText(both, false, 3)]).toEqual(['0.813', '0.625']);
  });

  it('has both among its facts', () => {
    expect(identityFacts(both)).toEqual([
      ['Identity by arcface', '0.8125, conditioned the picture'],
      ['Identity by glintr100', '0.6250, scores only'],
    ]);
  });

  it('says of each fact how far it can be trusted', () => {
    const titles = runFacts(both).flatMap(({ title }) => title ?? []);
    expect(titles).toEqual([
      expect.stringContaining('this score is circular'),
      expect.stringContaining('this score is independent'),
    ]);
  });

  it('says in both columns that there is no face', () => {
    const none = run(
      { faceScores: [arcface, glintr].map((face) => ({ ...face, identityScore: null })), secondEncoder: 'used' },
      'no-face',
    );
    expect(encoderRoles([none])).toHaveLength(2);
    expect([roleScoreText(none, true, 3), roleScoreText(none, false, 3)]).toEqual(['no face', 'no face']);
  });
});

describe('a run with one encoder', () => {
  const alone = run({ faceScores: [arcface], secondEncoder: 'absent' });

  it('says which, that it conditioned, and why there is no second', () => {
    const roles = encoderRoles([alone]);
    expect(roles).toEqual([{ conditioned: true, names: ['arcface'] }]);
    expect(roles.map((role) => roleTitle(role, roles, [alone]))[0]).toMatch(
      /circular.* Second encoder: none in the pack\.$/,
    );
    expect(identityFacts(alone)).toEqual([
      ['Identity by arcface', '0.8125, conditioned the picture'],
      ['Second encoder', 'none in the pack'],
    ]);
    expect(identityFacts(run({ faceScores: [arcface], secondEncoder: 'same-file' }))[1]?.[1]).toContain(
      'same file as the one that conditions',
    );
  });

  it('of pictures without a score is the pack’s', () => {
    const unscored = run({ faceScores: [], secondEncoder: null });
    const roles = encoderRoles([unscored]);
    expect(roles).toEqual([{ conditioned: true, names: [] }]);
    expect(roles.map((role) => roleTitle(role, roles, [unscored]))[0]).toMatch(
      /by the pack’s face network\..*circular[^.]*\.$/,
    );
  });
});

describe('variantFaceOf', () => {
  it('takes the encoder that scored the variant, where packs differ', () => {
    const face = (encoder: string, mean: number | null) => ({
      encoder, conditioned: true, identityDelta: null, faceCosine: null,
      identityScore: mean === null ? null : { count: 1, mean, halfWidth: null },
    }); // prettier-ignore
    const variant = { faces: [face('a', null), face('b', 0.5)] } as unknown as CompareVariant;
    expect(variantFaceOf(variant, { conditioned: true, names: [] })?.encoder).toBe('b');
    expect(variantFaceOf(variant, { conditioned: false, names: [] })).toBeUndefined();
  });
});
