/** What a comparison can say about one variant, as data. Reports and the page have their own words for it. */
import { standing, type NoiseFloor, type Standing } from './noise-floor.js';
import { differsFromZero, type PairedDifference } from './paired-difference.js';

/** What an encoder says of a change of identity. */
export interface IdentityChange {
  readonly encoder: string;
  /** Whether it also conditioned the pictures. */
  readonly conditioned: boolean;
  /** Identity score less the reference's at the same seed and prompt. */
  readonly delta: PairedDifference;
}

/** How the change of identity stands to the variation between seeds; `one-picture` says nothing about that. */
export type IdentityOutcome = 'one-picture' | 'higher' | 'lower' | 'within' | 'none';

export interface Verdict {
  /** Peak memory less the reference's, bytes; null where either was not measured. */
  readonly peakDelta: number | null;
  /** By each encoder that scored both pictures of a pair, those that conditioned first. */
  readonly changes: readonly IdentityChange[];
  /** Pictures whose change has no score, where others have one. */
  readonly unscored: number;
  /** Prompts of the comparison: with several, pictures are counted and not seeds. */
  readonly prompts: number;
  /** By the encoder that did not condition the pictures, where there is one; null without a change. */
  readonly identity: { readonly outcome: IdentityOutcome; readonly by: IdentityChange } | null;
  /** Mean FLIP from the reference, and how it stands to repeats; null where pictures cannot be compared. */
  readonly difference: { readonly flip: number; readonly standing: Standing; readonly floorHigh: number } | null;
}

export interface VerdictInput {
  readonly peakDelta: number | null;
  /** As in the verdict, with a null delta where no pair has both scores. */
  readonly identities: readonly (Omit<IdentityChange, 'delta'> & { readonly delta: PairedDifference | null })[];
  /** Pictures, one a seed and prompt. */
  readonly pictures: number;
  readonly prompts: number;
  /** Mean FLIP from the reference over the seeds; null where pictures cannot be compared. */
  readonly flip: PairedDifference | null;
  /** FLIP of repeats of this variant. */
  readonly floor: NoiseFloor | null;
}

function outcomeOf(delta: PairedDifference): IdentityOutcome {
  if (delta.halfWidth === null) return 'one-picture';
  if (differsFromZero(delta)) return delta.mean > 0 ? 'higher' : 'lower';
  return delta.mean === 0 && delta.halfWidth === 0 ? 'none' : 'within';
}

/** What follows from a variant's figures. */
export function verdictOf({ peakDelta, identities, pictures, prompts, flip, floor }: VerdictInput): Verdict {
  const changes = identities.flatMap(({ encoder, conditioned, delta }) =>
    delta === null ? [] : [{ encoder, conditioned, delta }],
  );
  const [first] = changes;
  const judge = changes.find(({ conditioned }) => !conditioned) ?? first;
  return {
    peakDelta,
    changes,
    unscored: first === undefined ? 0 : pictures - first.delta.count,
    prompts,
    identity: judge === undefined ? null : { outcome: outcomeOf(judge.delta), by: judge },
    difference:
      flip === null ? null : { flip: flip.mean, standing: standing(flip.mean, floor), floorHigh: floor?.high ?? 0 },
  };
}
