/** A verdict in the page's language. Reports are in English (`src-main/compare/report/verdict-sentence.ts`). */
import type { CompareVariant, Uncertain, Verdict } from '$contract/compare-data';
import { commas, sentences, t } from '../../text/text.svelte';
import { formatBytesDelta, formatNumber, formatNumberDelta } from '../format-amount';

/** Decimals (3 to 6) that show the first digit of an uncertainty. */
function digitsOf(halfWidth: number | null): number {
  if (halfWidth === null || halfWidth === 0) return 3;
  return Math.min(6, Math.max(3, Math.ceil(-Math.log10(halfWidth))));
}

function uncertainText({ mean, halfWidth }: Uncertain): string {
  const digits = digitsOf(halfWidth);
  const value = formatNumberDelta(mean, digits);
  return halfWidth === null ? value : `${value} ± ${formatNumber(halfWidth, digits)}`;
}

/** `All INT8: peak −2.4 GiB, identity −0.004 ± 0.006 over 8 seeds.` and its conclusions; null without a verdict. */
export function verdictText({ verdict }: Pick<CompareVariant, 'verdict'>, name: string): string | null {
  if (verdict === null) return null;
  const { peakDelta, unscored, prompts } = verdict;
  const facts = [
    peakDelta === null ? t('verdict.no-peak') : t('verdict.peak', { delta: formatBytesDelta(peakDelta) }),
    identityFact(verdict),
    ...(unscored > 0
      ? [t(prompts > 1 ? 'verdict.unscored-pictures' : 'verdict.unscored-seeds', { count: unscored })]
      : []),
  ];
  return sentences([
    t('verdict.line', { name, facts: commas(facts) }),
    ...identitySentence(verdict),
    ...differenceSentence(verdict),
  ]);
}

function identityFact({ changes, prompts }: Verdict): string {
  const [first] = changes;
  if (first === undefined) return t('verdict.no-identity');
  const value = commas(
    changes.map((change) => {
      const text = uncertainText(change.delta);
      return changes.length > 1 ? t('verdict.by', { value: text, encoder: change.encoder }) : text;
    }),
  );
  const { count } = first.delta;
  return prompts > 1
    ? t('verdict.identity-pictures', { value, count, prompts: t('count.prompts', { count: prompts }) })
    : t('verdict.identity-seeds', { value, count });
}

function identitySentence({ identity }: Verdict): string[] {
  if (identity === null || identity.outcome === 'none') return [];
  const { outcome, by } = identity;
  if (outcome === 'one-picture') return [t('verdict.one-seed')];
  return [by.conditioned ? t(`verdict.${outcome}`) : t(`verdict.${outcome}-by`, { encoder: by.encoder })];
}

function differenceSentence({ difference }: Verdict): string[] {
  if (difference === null) return [];
  const flip = formatNumber(difference.flip, 3);
  const high = formatNumber(difference.floorHigh, 3);
  switch (difference.standing) {
    case 'none':
      return [t('verdict.all-identical')];
    case 'unknown':
      return [t('verdict.flip', { flip })];
    case 'within':
      return [t('verdict.flip-within', { flip, high })];
    case 'above':
      return [
        difference.floorHigh === 0 ? t('verdict.flip-above-none', { flip }) : t('verdict.flip-above', { flip, high }),
      ];
  }
}
