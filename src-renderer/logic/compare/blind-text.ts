/** Questions and outcomes of blind tests. */
import type { BlindQuestion, BlindTest } from '$contract/blind-test';
import { formatDecimal, t } from '../../text/text.svelte';

const QUESTIONS: Readonly<Record<BlindQuestion, 'person' | 'prompt' | 'natural'>> = {
  'looks more like the person': 'person',
  'follows the prompt more closely': 'prompt',
  'looks more natural': 'natural',
};
/** Chance results below this are called told apart; as the host decides. */
const SIGNIFICANT = 0.05;

/** `Which looks more natural?` */
export function questionText(question: BlindQuestion): string {
  return t(`blind.which.${QUESTIONS[question]}`);
}

/** A probability: two significant digits, never 0. */
function probability(p: number): string {
  if (p < 0.001) return `p < ${formatDecimal(0.001, 3)}`;
  return `p = ${formatDecimal(p, p >= 0.1 ? 2 : p >= 0.01 ? 3 : 4)}`;
}

/** What a finished test says; empty before its end. @param name what the variant is called */
export function outcomeText({ kind, question, result, trials }: BlindTest, name: string): string {
  if (result === null) return '';
  const { hits, pValue } = result;
  const facts = { hits, trials, p: probability(pValue) };
  if (kind === 'abx') {
    return pValue < SIGNIFICANT ? t('blind.result.told', { ...facts, name }) : t('blind.result.guess', facts);
  }
  if (pValue >= SIGNIFICANT) return t('blind.result.no-preference', facts);
  const preferred = hits * 2 > trials ? t('blind.the-reference') : name;
  return t(`blind.result.${QUESTIONS[question]}`, { ...facts, preferred });
}
