/** A verdict in English, for reports and the command line. For the page: `logic/compare/verdict-text.ts`. */
import type { Verdict } from '../statistics/verdict.js';
import { plain, signedBytes, uncertain } from './plain-numbers.js';

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** "All INT8: peak −2.4 GiB, identity −0.004 ± 0.006 over 8 seeds." and the conclusions. */
export function verdictSentence(name: string, verdict: Verdict): string {
  const { peakDelta, changes, unscored, prompts } = verdict;
  const one = prompts > 1 ? 'picture' : 'seed';
  const [first] = changes;
  const values = changes.map(
    (change) => `${uncertain(change.delta)}${changes.length > 1 ? ` by ${change.encoder}` : ''}`,
  );
  const facts = [
    peakDelta === null ? 'peak not measured' : `peak ${signedBytes(peakDelta)}`,
    first === undefined
      ? 'identity not scored'
      : `identity ${values.join(', ')} over ${counted(first.delta.count, one)}` +
        (prompts > 1 ? ` of ${counted(prompts, 'prompt')}` : ''),
    ...(unscored > 0 ? [`${counted(unscored, one)} without a score`] : []),
  ];
  return [`${name}: ${facts.join(', ')}.`, ...identitySentence(verdict), ...differenceSentence(verdict)].join(' ');
}

function identitySentence({ identity }: Verdict): string[] {
  if (identity === null || identity.outcome === 'none') return [];
  const { outcome, by } = identity;
  if (outcome === 'one-picture') return ['One seed says nothing about the variation between seeds.'];
  const said = (sentence: string): string =>
    by.conditioned
      ? `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`
      : `By ${by.encoder}, which conditioned nothing, ${sentence}`;
  return [
    outcome === 'within'
      ? said('the change is within the variation between seeds.')
      : said(`identity scores are ${outcome} than the reference’s, by more than the variation between seeds.`),
  ];
}

function differenceSentence({ difference }: Verdict): string[] {
  if (difference === null) return [];
  const { flip, standing, floorHigh } = difference;
  const said = `Difference from the reference: FLIP ${plain(flip, 3)}`;
  switch (standing) {
    case 'none':
      return ['Every picture is identical to the reference.'];
    case 'unknown':
      return [`${said}.`];
    case 'within':
      return [`${said}, no more than repeating the same settings gives (up to ${plain(floorHigh, 3)}).`];
    case 'above':
      return [
        `${said}; repeating the same settings gives ${floorHigh === 0 ? 'none' : `up to ${plain(floorHigh, 3)}`}.`,
      ];
  }
}
