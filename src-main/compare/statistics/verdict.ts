/** What a comparison can say about one configuration, in one plain sentence with its uncertainty. */
import { COMPONENT_NAMES, QUANTIZED_COMPONENTS } from '../../base/vocabulary.js';
import { parseAutoFormat } from '../../base/auto-format.js';
import { standing, type NoiseFloor } from './noise-floor.js';
import { differsFromZero, type PairedDifference } from './paired-difference.js';
import { plain, signedBytes, uncertain } from '../report/plain-numbers.js';

/** Weight formats of the three components, as the app names them. */
export interface Formats {
  readonly flux: string;
  readonly t5: string;
  readonly infusenet: string;
}

/** `16-bit`, `NF4`; of a mix `Auto 3500 MiB`, with what its errors were measured on where that is not the weights. */
function formatTitle(format: string): string {
  const auto = parseAutoFormat(format);
  if (auto !== null) return `Auto ${auto.budgetMiB} MiB${auto.measurement === null ? '' : ' by outputs'}`;
  return format === '16-bit' ? format : format.toUpperCase();
}

/** How a configuration differs from the reference: `INT8 InfuseNet`, `NF4 FLUX and T5, INT8 InfuseNet`, `All NF4`. */
export function variantName(formats: Formats, reference: Formats): string {
  const byFormat = new Map<string, string[]>();
  for (const component of QUANTIZED_COMPONENTS) {
    const format = formats[component];
    if (format === reference[component]) continue;
    byFormat.set(format, [...(byFormat.get(format) ?? []), COMPONENT_NAMES[component]]);
  }
  if (byFormat.size === 0) return 'Same formats';
  return [...byFormat]
    .map(([format, names]) => {
      const name = formatTitle(format);
      return names.length === QUANTIZED_COMPONENTS.length
        ? `All ${name}`
        : `${name} ${new Intl.ListFormat('en').format(names)}`;
    })
    .join(', ');
}

/** What an encoder says of a change of likeness. */
export interface IdentityChange {
  readonly encoder: string;
  /** Whether it also conditioned the pictures. */
  readonly conditioned: boolean;
  /** Identity score less the reference's at the same seed; null where no pair has both. */
  readonly delta: PairedDifference | null;
}

export interface VerdictInput {
  readonly name: string;
  /** Peak memory less the reference's, bytes; null where either was not measured. */
  readonly peakDeltaBytes: number | null;
  /** By each encoder, those that conditioned first. */
  readonly identities: readonly IdentityChange[];
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
  const { name, peakDeltaBytes, flip, floor, pictures, prompts } = input;
  const scored = input.identities.flatMap(({ encoder, conditioned, delta }) =>
    delta === null ? [] : [{ by: encoder, conditioned, delta }],
  );
  const identity = scored[0]?.delta ?? null;
  const changes = scored.map(({ by, delta }) => `${uncertain(delta)}${scored.length > 1 ? ` by ${by}` : ''}`);
  const one = prompts > 1 ? 'picture' : 'seed';
  const facts = [
    peakDeltaBytes === null ? 'peak not measured' : `peak ${signedBytes(peakDeltaBytes)}`,
    identity === null
      ? 'identity not scored'
      : `identity ${changes.join(', ')} over ${counted(identity.count, one)}${prompts > 1 ? ` of ${counted(prompts, 'prompt')}` : ''}`,
  ];
  if (identity !== null && identity.count < pictures) {
    facts.push(`${counted(pictures - identity.count, one)} without a score`);
  }
  return [`${name}: ${facts.join(', ')}.`, ...identitySentence(scored), ...differenceSentence(flip, floor)].join(' ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

interface ScoredChange {
  readonly by: string;
  readonly conditioned: boolean;
  readonly delta: PairedDifference;
}

/** By the encoder that did not condition the pictures, where there is one. */
function identitySentence(scored: readonly ScoredChange[]): string[] {
  const judge = scored.find(({ conditioned }) => !conditioned) ?? scored[0];
  if (judge === undefined) return [];
  const { mean, halfWidth } = judge.delta;
  const by = judge.conditioned ? '' : ` by ${judge.by}, which conditioned nothing,`;
  if (halfWidth === null) return ['One seed says nothing about the scatter of other seeds.'];
  if (differsFromZero(judge.delta)) {
    return [`Likeness scores${by} are ${mean > 0 ? 'higher' : 'lower'} than the reference's beyond their scatter.`];
  }
  return mean === 0 && halfWidth === 0 ? [] : [`A change of likeness${by} cannot be told from scatter.`];
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
