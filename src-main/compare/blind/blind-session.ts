/** A running blind test: answers in order; the last one can be undone. Immutable. */
import { invariant } from '../../base/assert.js';
import { atLeastByChance, unevenByChance } from '../statistics/binomial.js';
import type { BlindKind, BlindTrial } from './blind-plan.js';
import { probability } from '../report/plain-numbers.js';

/** In `abx`: X is A, or X is B. In `2afc`: the picture that is chosen. */
export type BlindAnswer = 'a' | 'b';

export interface BlindSession {
  readonly kind: BlindKind;
  readonly plan: readonly BlindTrial[];
  readonly answers: readonly BlindAnswer[];
}

/** The trial to show now; null when all are answered. */
export function currentTrial({ plan, answers }: BlindSession): BlindTrial | null {
  return plan[answers.length] ?? null;
}

/** The session with the current trial answered. */
export function answerTrial(session: BlindSession, answer: BlindAnswer): BlindSession {
  invariant(currentTrial(session) !== null, 'a finished blind test takes no answer');
  return { ...session, answers: [...session.answers, answer] };
}

/** The session without its last answer; the same when there is none. */
export function undoAnswer(session: BlindSession): BlindSession {
  return session.answers.length === 0 ? session : { ...session, answers: session.answers.slice(0, -1) };
}

export interface BlindResult {
  readonly trials: number;
  /** `abx`: X recognized. `2afc`: the reference chosen. */
  readonly hits: number;
  /** Probability of so good a result by guessing: in `abx` one-sided, in `2afc` two-sided. */
  readonly pValue: number;
  readonly sentence: string;
}

/** Results less probable than this by guessing are significant. */
const SIGNIFICANT = 0.05;

/** Whether the answer to a trial was right (`abx`), or the reference (`2afc`); false for one not answered yet. */
export function trialHit({ kind, plan, answers }: BlindSession, index: number): boolean {
  const trial = plan[index];
  const answer = answers[index];
  if (trial === undefined || answer === undefined) return false;
  return trial[answer] === (kind === 'abx' ? trial.x : 'reference');
}

/**
 * The outcome of a finished test. Null before the end: stopping when the p-value happens to be low would invalidate it.
 *
 * @param variant the variant's name for the sentence
 * @param question of `2afc`, such as "looks more like the person"
 */
export function blindResult(session: BlindSession, variant: string, question: string): BlindResult | null {
  const { kind, plan, answers } = session;
  if (plan.length === 0 || answers.length < plan.length) return null;
  const trials = plan.length;
  const hits = plan.filter((_, i) => trialHit(session, i)).length;
  if (kind === 'abx') {
    const pValue = atLeastByChance(hits, trials);
    const told =
      pValue < SIGNIFICANT
        ? `you can tell ${variant} from the reference`
        : `that could be guessing; it does not prove that the pictures look the same`;
    return { trials, hits, pValue, sentence: `${hits} of ${trials} right: ${told} (${probability(pValue)}).` };
  }
  const pValue = unevenByChance(hits, trials);
  const preferred = hits * 2 > trials ? 'the reference' : variant;
  const told =
    pValue < SIGNIFICANT
      ? `you said more often than by chance that ${preferred} ${question}`
      : 'this could be chance, so it shows no preference';
  return {
    trials,
    hits,
    pValue,
    sentence: `You chose the reference ${hits} of ${trials} times: ${told} (${probability(pValue)}).`,
  };
}
