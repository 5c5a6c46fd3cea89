import { describe, expect, it } from 'vitest';
import { planBlindTest, type BlindKind } from '../../../../src-main/compare/blind/blind-plan.js';
import {
  answerTrial,
  blindResult,
  currentTrial,
  undoAnswer,
  type BlindAnswer,
  type BlindSession,
} from '../../../../src-main/compare/blind/blind-session.js';

const QUESTION = 'looks more like the person';

function start(kind: BlindKind, trials: number, seed = 1): BlindSession {
  return { kind, plan: planBlindTest({ kind, pairs: 3, trials, seed }), answers: [] };
}

/** Answers every trial with what `choose` says. */
function play(session: BlindSession, choose: (trial: BlindSession['plan'][number], i: number) => BlindAnswer) {
  return session.plan.reduce((state, trial, i) => answerTrial(state, choose(trial, i)), session);
}

const perfect = (session: BlindSession) => play(session, (trial) => (trial.a === trial.x ? 'a' : 'b'));

describe('an ABX test', () => {
  it('gives someone who always recognizes X p < 0.01 from 7 trials on', () => {
    for (const trials of [7, 10]) {
      const result = blindResult(perfect(start('abx', trials)), 'INT8 InfuseNet', QUESTION);
      expect(result).toMatchObject({ trials, hits: trials });
      expect(result?.pValue).toBeCloseTo(2 ** -trials, 12);
      expect(result?.pValue).toBeLessThan(0.01);
    }
    expect(blindResult(perfect(start('abx', 10)), 'INT8 InfuseNet', QUESTION)?.sentence).toBe(
      '10 of 10 right: you can tell INT8 InfuseNet from the reference (p < 0.001).',
    );
  });

  it('calls 7 of 10 what it is', () => {
    const session = play(start('abx', 10), (trial, i) => ((trial.a === trial.x) === i < 7 ? 'a' : 'b'));
    expect(blindResult(session, 'INT8 InfuseNet', QUESTION)).toMatchObject({
      hits: 7,
      sentence: '7 of 10 right: that could be guessing; it does not prove that the pictures look the same (p = 0.17).',
    });
  });

  it('does not reward always saying the same letter', () => {
    for (const answer of ['a', 'b'] as const) {
      const result = blindResult(
        play(start('abx', 12), () => answer),
        'NF4',
        QUESTION,
      );
      expect(result?.hits).toBe(6);
    }
  });

  it('shows nothing of the result before the end', () => {
    const session = answerTrial(start('abx', 2), 'a');
    expect(blindResult(session, 'NF4', QUESTION)).toBeNull();
    expect(blindResult(answerTrial(session, 'a'), 'NF4', QUESTION)).not.toBeNull();
  });

  it('takes back the last answer and asks the same trial again', () => {
    const first = start('abx', 10);
    const second = answerTrial(first, 'a');
    expect(currentTrial(second)).toBe(first.plan[1]);
    expect(undoAnswer(second)).toEqual(first);
    expect(currentTrial(undoAnswer(second))).toBe(first.plan[0]);
    expect(undoAnswer(first)).toBe(first);
    expect(currentTrial(perfect(first))).toBeNull();
    expect(() => answerTrial(perfect(first), 'a')).toThrow('finished blind test');
  });
});

describe('a two-alternative choice', () => {
  it('counts how often the reference is chosen, and takes either way as a preference', () => {
    const always = (side: 'reference' | 'variant') =>
      play(start('2afc', 10), (trial) => (trial.a === side ? 'a' : 'b'));
    const reference = blindResult(always('reference'), 'NF4 InfuseNet', QUESTION);
    const variant = blindResult(always('variant'), 'NF4 InfuseNet', QUESTION);
    expect(reference).toMatchObject({ hits: 10, pValue: expect.closeTo(2 ** -9, 12) as number });
    expect(variant).toMatchObject({ hits: 0, pValue: expect.closeTo(2 ** -9, 12) as number });
    expect(variant?.sentence).toBe(
      'You chose the reference 0 of 10 times: you said more often than by chance that NF4 InfuseNet looks more like the person (p = 0.0020).',
    );
  });

  it('finds no preference in an even split', () => {
    const session = play(start('2afc', 10), (trial, i) => ((trial.a === 'reference') === i < 5 ? 'a' : 'b'));
    expect(blindResult(session, 'NF4', QUESTION)).toMatchObject({ hits: 5, pValue: 1 });
  });
});
