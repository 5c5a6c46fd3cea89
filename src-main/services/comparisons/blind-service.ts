/** Blind tests of a comparison's pictures; they are resolved only after the last answer. */
import { randomInt } from 'node:crypto';
import { AppError } from '../../base/app-error.js';
import { defined } from '../../base/assert.js';
import { planBlindTest } from '../../compare/blind/blind-plan.js';
import { answerTrial, blindResult, currentTrial, trialHit, undoAnswer } from '../../compare/blind/blind-session.js';
import type { BlindAnswer, BlindSlot, BlindStart, BlindTest } from '../../contract/blind-test.js';
import type { StoredBlindTest } from '../../store/blind-tests-repo.js';
import { variantTitle } from '../../contract/variant-title.js';
import type { Store } from '../../store/store.js';
import type { CompareService } from './compare-service.js';
import { newId } from '../support/ids.js';
import type { PictureLab } from '../pictures/picture-lab.js';

export interface BlindServiceParts {
  readonly store: Store;
  readonly compare: Pick<CompareService, 'pair'>;
  readonly lab: PictureLab;
  readonly now: () => number;
  /** Seed of the hidden order, 0 to 2^32 - 1. Default: random. */
  readonly seed?: () => number;
}

const SEEDS = 2 ** 32;

export class BlindService {
  readonly #parts: BlindServiceParts;

  constructor(parts: BlindServiceParts) {
    this.#parts = parts;
  }

  /** @throws AppError run.not-found; blind.not-possible without a pair that differs */
  start({ referenceRunId, runIds, candidateRunId, kind, question, trials }: BlindStart): BlindTest {
    const { store, compare, now } = this.#parts;
    const variants = compare.pair(referenceRunId, runIds);
    const variant = variants.find(({ runs }) => runs.some(({ run }) => run.id === candidateRunId));
    const reference = defined(variants[0], 'the reference’s variant');
    const paired = (variant?.runs ?? []).flatMap(({ run, base, role }) =>
      role === 'variant' && base !== null && base.width === run.width && base.height === run.height
        ? [{ run, base }]
        : [],
    );
    if (variant === undefined || paired.length === 0) {
      throw notPossible(
        'This variant has no picture with the reference’s seed and prompt.',
        'Make both with the same seed and prompt.',
      );
    }
    const different = paired.filter(({ run, base }) => run.result?.pixelHash !== base.result?.pixelHash);
    if (different.length === 0) {
      throw notPossible(
        'Every picture of this variant is identical to the reference’s, so there is nothing to compare.',
        'Choose another variant.',
      );
    }
    const test: StoredBlindTest = {
      id: newId(),
      kind,
      question,
      variantName: variantTitle(variant.settings, reference.settings),
      createdAtMs: now(),
      plan: planBlindTest({
        kind,
        pairs: different.length,
        trials,
        seed: this.#parts.seed?.() ?? randomInt(SEEDS),
      }),
      answers: [],
      pairs: different.map(({ run, base }) => ({ referenceRunId: base.id, variantRunId: run.id })),
    };
    store.blindTests.create(test);
    return shown(test);
  }

  get(testId: string): BlindTest {
    return shown(this.#test(testId));
  }

  list(runIds: readonly string[]): BlindTest[] {
    return this.#parts.store.blindTests.ofRuns(runIds).map(shown);
  }

  /** @throws AppError blind.not-possible when `trial` is not the current one */
  answer(testId: string, trial: number, answer: BlindAnswer): BlindTest {
    const test = this.#test(testId);
    if (trial !== test.answers.length || currentTrial(test) === null) {
      throw notPossible(
        `Trial ${trial + 1} is not the current one, which is ${test.answers.length + 1} of ${test.plan.length}.`,
        'Answer the trial that is shown.',
      );
    }
    return this.#save({ ...test, answers: answerTrial(test, answer).answers });
  }

  /** @throws AppError blind.not-possible once the outcome was shown */
  undo(testId: string): BlindTest {
    const test = this.#test(testId);
    if (currentTrial(test) === null) {
      throw notPossible('The outcome of this test was shown.', 'Start another test.');
    }
    return this.#save({ ...test, answers: undoAnswer(test).answers });
  }

  delete(testId: string): void {
    this.#parts.store.blindTests.delete(testId);
  }

  /**
   * The picture of a letter of the current trial; null for other trials, so that nobody can look ahead. All pictures of a
   * size have the same number of bytes and are decoded and encoded in the same way.
   */
  async picture(testId: string, trial: number, slot: BlindSlot): Promise<Uint8Array | null> {
    const { store, lab } = this.#parts;
    const test = store.blindTests.get(testId);
    const current = test === null ? null : currentTrial(test);
    if (test === null || current === null || trial !== test.answers.length) return null;
    const pair = test.pairs[current.pair];
    const side = current[slot];
    if (pair === undefined || side === null) return null;
    const runId = side === 'reference' ? pair.referenceRunId : pair.variantRunId;
    if (store.runs.status(runId) !== 'done') return null;
    return lab.run<'plain-copy'>({ kind: 'plain-copy', path: store.files.picture(runId) });
  }

  #save(test: StoredBlindTest): BlindTest {
    this.#parts.store.blindTests.saveAnswers(test.id, test.answers);
    return shown(test);
  }

  #test(testId: string): StoredBlindTest {
    const test = this.#parts.store.blindTests.get(testId);
    if (test === null) {
      throw new AppError('run.not-found', 'This blind test was deleted.', { remedy: 'Start another one.' });
    }
    return test;
  }
}

/** Without the plan, and without the result before the last answer. */
function shown(test: StoredBlindTest): BlindTest {
  const result = blindResult(test, test.variantName, test.question);
  return {
    id: test.id,
    kind: test.kind,
    question: test.question,
    variantName: test.variantName,
    trials: test.plan.length,
    answered: test.answers.length,
    createdAtMs: test.createdAtMs,
    result:
      result === null
        ? null
        : {
            hits: result.hits,
            pValue: result.pValue,
            sentence: result.sentence,
            outcomes: test.plan.map((_, i) => trialHit(test, i)),
          },
  };
}

function notPossible(message: string, remedy: string): AppError {
  return new AppError('blind.not-possible', message, { remedy });
}
