/** The conclusions about one variant, as data. Reports and the page put them into words. */
import { standing, type NoiseFloor, type Standing } from './noise-floor.js';
import { differsFromZero, type PairedDifference } from './paired-difference.js';

/** Change of the identity score by one encoder. */
export interface IdentityChange {
  readonly encoder: string;
  /** Whether it also conditioned the pictures. */
  readonly conditioned: boolean;
  /** Identity score less the reference's at the same seed and prompt. */
  readonly delta: PairedDifference;
}

/** The change of identity relative to the variation between seeds, which `one-picture` does not show. */
export type IdentityOutcome = 'one-picture' | 'higher' | 'lower' | 'within' | 'none';

export interface Verdict {
  /** Peak memory less the reference's, bytes; null where either was not measured. */
  readonly peakDelta: number | null;
  /** By each encoder that scored both pictures of a pair, conditioning ones first. */
  readonly changes: readonly IdentityChange[];
  /** Pictures without a score, where others have one. */
  readonly unscored: number;
  /** With several prompts, pictures are counted instead of seeds. */
  readonly prompts: number;
  /** By the independent encoder where there is one; null without a change. */
  readonly identity: { readonly outcome: IdentityOutcome; readonly by: IdentityChange } | null;
  /** Mean FLIP from the reference, relative to repeats; null where pictures cannot be compared. */
  readonly difference: { readonly flip: number; readonly standing: Standing; readonly floorHigh: number } | null;
}

export interface VerdictInput {
  readonly peakDelta: number | null;
  /** Null delta where no pair has both scores. */
  readonly identities: readonly (Omit<IdentityChange, 'delta'> & { readonly delta: PairedDifference | null })[];
  /** One per seed and prompt. */
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
