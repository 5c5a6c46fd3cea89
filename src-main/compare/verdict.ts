/** What a comparison can say about one configuration, in one plain sentence with its uncertainty. */
import { parseAutoFormat } from '../base/auto-format.js';
import { standing, type NoiseFloor } from './noise-floor.js';
import { differsFromZero, type PairedDifference } from './paired-difference.js';
import { plain, signedBytes, uncertain } from './plain-numbers.js';

/** Weight formats of the three components, as the app names them. */
export interface Formats {
  readonly flux: string;
  readonly t5: string;
  readonly infusenet: string;
}

const NAMES: Readonly<Record<keyof Formats, string>> = { flux: 'FLUX', t5: 'T5', infusenet: 'InfuseNet' };
const COMPONENTS = ['flux', 't5', 'infusenet'] as const;

/** `16-bit`, `NF4`; of a mix `Auto 3500 MiB`, with what its errors were measured on where that is not the weights. */
function formatTitle(format: string): string {
  const auto = parseAutoFormat(format);
  if (auto !== null) return `Auto ${auto.budgetMiB} MiB${auto.measurement === null ? '' : ' by outputs'}`;
  return format === '16-bit' ? format : format.toUpperCase();
}

/** How a configuration differs from the reference: `INT8 InfuseNet`, `NF4 FLUX and T5, INT8 InfuseNet`, `All NF4`. */
export function variantName(formats: Formats, reference: Formats): string {
  const byFormat = new Map<string, string[]>();
  for (const component of COMPONENTS) {
    const format = formats[component];
    if (format === reference[component]) continue;
    byFormat.set(format, [...(byFormat.get(format) ?? []), NAMES[component]]);
  }
  if (byFormat.size === 0) return 'Same formats';
  return [...byFormat]
    .map(([format, names]) => {
      const name = formatTitle(format);
      return names.length === COMPONENTS.length ? `All ${name}` : `${name} ${new Intl.ListFormat('en').format(names)}`;
    })
    .join(', ');
}

export interface VerdictInput {
  readonly name: string;
  /** Peak memory less the reference's, bytes; null where either was not measured. */
  readonly peakDeltaBytes: number | null;
  /** Identity score less the reference's at the same seed; null where no pair has both. */
  readonly identity: PairedDifference | null;
  /** Pictures, one a seed and prompt. */
  readonly pictures: number;
  readonly prompts: number;
  /** Mean FLIP from the reference over the seeds; null where pictures cannot be compared. */
  readonly flip: PairedDifference | null;
  /** FLIP of repeats of this configuration. */
  readonly floor: NoiseFloor | null;
}

/** Such as "INT8 InfuseNet: peak −2.4 GiB, identity −0.004 ± 0.006 over 8 seeds." and what follows from it. */
export function verdict(input: VerdictInput): string {
  const { name, peakDeltaBytes, identity, flip, floor, pictures, prompts } = input;
  const one = prompts > 1 ? 'picture' : 'seed';
  const facts = [
    peakDeltaBytes === null ? 'peak not measured' : `peak ${signedBytes(peakDeltaBytes)}`,
    identity === null
      ? 'identity not scored'
      : `identity ${uncertain(identity)} over ${counted(identity.count, one)}${prompts > 1 ? ` of ${counted(prompts, 'prompt')}` : ''}`,
  ];
  if (identity !== null && identity.count < pictures) {
    facts.push(`${counted(pictures - identity.count, one)} without a score`);
  }
  return [`${name}: ${facts.join(', ')}.`, ...identitySentence(identity), ...differenceSentence(flip, floor)].join(' ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function identitySentence(identity: PairedDifference | null): string[] {
  if (identity === null) return [];
  if (identity.halfWidth === null) return ['One seed says nothing about the scatter of other seeds.'];
  if (differsFromZero(identity)) {
    return [`Likeness scores are ${identity.mean > 0 ? 'higher' : 'lower'} than the reference's beyond their scatter.`];
  }
  return identity.mean === 0 && identity.halfWidth === 0 ? [] : ['A change of likeness cannot be told from scatter.'];
}

function differenceSentence(flip: PairedDifference | null, floor: NoiseFloor | null): string[] {
  if (flip === null) return [];
  const said = `Difference from the reference: FLIP ${plain(flip.mean, 3)}`;
  switch (standing(flip.mean, floor)) {
    case 'none':
      return ['Every picture is identical to the reference.'];
    case 'unknown':
      return [`${said}.`];
    case 'within':
      return [`${said}, no more than repeating the same settings gives (up to ${plain(floor?.high ?? 0, 3)}).`];
    case 'above':
      return [
        `${said}; repeating the same settings gives ${floor?.high === 0 ? 'none' : `up to ${plain(floor?.high ?? 0, 3)}`}.`,
      ];
  }
}
