/** Questions and results of blind tests as text. */
import type { BlindQuestion, BlindTest } from '$contract/blind-test';
import { formatDecimal, t } from '../../text/text.svelte';

const QUESTIONS: Readonly<Record<BlindQuestion, 'person' | 'prompt' | 'natural'>> = {
  'looks more like the person': 'person',
  'follows the prompt more closely': 'prompt',
  'looks more natural': 'natural',
};
/** p-values below this are significant; the host uses the same limit. */
const SIGNIFICANT = 0.05;

/** `Which looks more natural?` */
export function questionText(question: BlindQuestion): string {
  return t(`blind.which.${QUESTIONS[question]}`);
}

/** A p-value with two significant digits; below 0.001 only the limit. */
function probability(p: number): string {
  if (p < 0.001) return `p < ${formatDecimal(0.001, 3)}`;
  return `p = ${formatDecimal(p, p >= 0.1 ? 2 : p >= 0.01 ? 3 : 4)}`;
}

/** Result of a finished test; empty before its end. @param name of the variant */
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
