/** Which of the found files can be which part of a pack, and which are proposed. Pure. */
import { basename, dirname } from 'node:path';
import { AppError } from '../base/app-error.js';
import type {
  AuditedPart,
  AuditFinding,
  AuditPart,
  AuditTarget,
  PlaceDescription,
} from '../engine/protocol/audit-report.js';
import { AUDIT_PARTS } from '../engine/protocol/audit-report.js';
import type { PartPlace } from '../engine/protocol/pack-parts.js';

/** A part of the pack, or of one variant, with the files that can be it. */
export interface PartSlot {
  readonly part: AuditPart;
  readonly variant: string | null;
  /** Usable ones first, the best first; others have findings. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly path: string;
  readonly config: string | null;
  readonly audited: AuditedPart;
}

/** Index of the chosen candidate by slot (`slotKey`); a slot without an entry has its best one. */
export type PartChoice = Readonly<Record<string, number>>;

export function slotKey({ part, variant }: Pick<PartSlot, 'part' | 'variant'>): string {
  return variant === null ? part : `${part}/${variant}`;
}

/** @returns slots in the order of `AUDIT_PARTS`, and what the files that are none of the parts are */
export function slotsOf(places: readonly PlaceDescription[]): {
  readonly slots: readonly PartSlot[];
  readonly others: readonly AuditFinding[];
} {
  const all: { readonly variant: string | null; readonly candidate: Candidate }[] = [];
  for (const { path, config, parts } of places) {
    for (const audited of parts) {
      const ofVariant = audited.part === 'infusenet' || audited.part === 'image-projection';
      const variant = ofVariant ? variantOfPath(path) : null;
      all.push({ variant, candidate: { path, config, audited: { ...audited, variant } } });
    }
  }
  const variants = [...new Set(all.flatMap(({ variant }) => (variant === null ? [] : [variant])))].sort();
  const foreign = new Set(places.flatMap(({ path, parts }) => (parts.some(isOther) ? [path] : [])));
  const slot = (part: AuditPart, variant: string | null): PartSlot => ({
    part,
    variant,
    candidates: all
      .filter((one) => one.candidate.audited.part === part && one.variant === variant)
      .map(({ candidate }) => candidate)
      .sort((a, b) => byUse(a, b, foreign)),
  });
  const slots = AUDIT_PARTS.flatMap((part) => {
    if (part === 'image-projection') return [];
    if (part !== 'infusenet') return [slot(part, null)];
    const named = variants.length === 0 ? [DEFAULT_VARIANT] : variants;
    return named.flatMap((variant) => VARIANT_PARTS.map((own) => slot(own, variant)));
  });
  const others = places.flatMap(({ finding }) => (finding === null || finding.kind === USUAL ? [] : [finding]));
  return { slots, others };
}

function isOther({ state }: AuditedPart): boolean {
  return state === 'other-model';
}

/** Programs bring tokenizers of many models, which nobody takes for a part. */
const USUAL = 'other-tokenizer';
/** The parts that each variant has of its own. */
const VARIANT_PARTS = ['infusenet', 'image-projection'] as const;
/** The variant that InfiniteYou's authors recommend. */
const DEFAULT_VARIANT = 'aes_stage2';
/** InfiniteYou's variants by the short names that ComfyUI's files have. */
const VARIANTS: Readonly<Record<string, string>> = { aes: 'aes_stage2', sim: 'sim_stage1' };
/** Folders that hold files of any variant. */
const SHARED_FOLDERS = /^(controlnet|infinite_?you|models|checkpoints|infu_flux_v1\.0|InfuseNetModel)$/i;

/** By the file's name, then its folders'. */
function variantOfPath(path: string): string {
  for (let at = path, depth = 0; depth < 4 && at !== dirname(at); at = dirname(at), depth++) {
    const short = /(?:^|[_\-. ])(aes|sim)(?:[_\-. ]|$)/i.exec(basename(at))?.[1]?.toLowerCase();
    if (short !== undefined) return VARIANTS[short] ?? short;
  }
  const folder = basename(dirname(path));
  return SHARED_FOLDERS.test(folder) || folder === '' ? DEFAULT_VARIANT : folder;
}

/**
 * Usable before unusable, those in files of FLUX before those in files of other models (Stable Diffusion's have a CLIP-L
 * that may have been trained further), those of 16 bits and more before quantized ones, smaller before larger of the former (16 bits
 * before 32) and larger before smaller of the latter; of equals those that are named after FLUX.
 */
function byUse(a: Candidate, b: Candidate, foreign: ReadonlySet<string>): number {
  const rank = ({ path, audited }: Candidate) =>
    (audited.state === 'ok' ? 0 : 4) + (foreign.has(path) ? 2 : 0) + (audited.quantized === null ? 0 : 1);
  const named = ({ path }: Candidate) => (/flux/i.test(path) ? 0 : 1);
  return (
    rank(a) - rank(b) ||
    (a.audited.quantized === null ? a.audited.bytes - b.audited.bytes : b.audited.bytes - a.audited.bytes) ||
    named(a) - named(b) ||
    a.path.localeCompare(b.path)
  );
}

/** The variant to make whole: the first with both of its parts, else the one with the most; null without variants. */
export function variantInUse(slots: readonly PartSlot[]): string | null {
  const usable = (name: string | null): number =>
    slots.filter(({ variant, candidates }) => variant === name && candidates[0]?.audited.state === 'ok').length;
  const names = [...new Set(slots.flatMap(({ variant }) => (variant === null ? [] : [variant])))];
  return names.toSorted((a, b) => usable(b) - usable(a))[0] ?? null;
}

/** Chooses files by their paths. @throws AppError engine.request-invalid for a file that was not found for its part */
export function choiceOf(slots: readonly PartSlot[], paths: ReadonlyMap<string, string>): PartChoice {
  const choice: Record<string, number> = {};
  for (const [key, path] of paths) {
    const slot = slots.find((one) => slotKey(one) === key);
    const index = slot?.candidates.findIndex((candidate) => candidate.path === path) ?? -1;
    if (index < 0) {
      const known = slots.map(slotKey).join(', ');
      const what = slot === undefined ? `There is no part "${key}"` : `${path} was not found for the part ${key}`;
      throw new AppError('engine.request-invalid', `${what}.`, {
        remedy:
          slot === undefined ? `Choose for one of: ${known}.` : 'Name one of the files that the check lists for it.',
      });
    }
    choice[key] = index;
  }
  return choice;
}

/**
 * The chosen candidate of a slot; without a choice the best one, which may be unusable, so that the check says why. Null
 * without candidates.
 */
export function chosen(slot: PartSlot, choice: PartChoice): Candidate | null {
  const index = choice[slotKey(slot)];
  const [best] = slot.candidates;
  const usable = best?.audited.state === 'ok';
  const proposed = usable || slot.part !== 'recognition' ? best : undefined;
  return (index === undefined ? undefined : slot.candidates[index]) ?? proposed ?? null;
}

/**
 * The parts of a pack with a choice.
 * @param wanted variants; empty: all that have both of their parts, or the one in use where none has
 */
export function targetOf(slots: readonly PartSlot[], choice: PartChoice, wanted: readonly string[] = []): AuditTarget {
  const candidate = (part: AuditPart, variant: string | null = null): Candidate | null => {
    const slot = slots.find((one) => one.part === part && one.variant === variant);
    return slot === undefined ? null : chosen(slot, choice);
  };
  const place = (part: AuditPart, variant: string | null = null): PartPlace | null => {
    const found = candidate(part, variant);
    return found === null ? null : { path: found.path, config: found.config };
  };
  const found = slots.flatMap(({ part, variant }) => (part === 'infusenet' && variant !== null ? [variant] : []));
  const variants = wanted.length > 0 ? wanted : found;
  const whole = variants.map(
    (variant) =>
      [
        variant,
        {
          infusenet: place('infusenet', variant),
          imageProjection: candidate('image-projection', variant)?.path ?? null,
        },
      ] as const,
  );
  const usable = whole.filter(([, one]) => one.infusenet !== null && one.imageProjection !== null);
  return {
    flux: place('flux'),
    t5: place('t5'),
    clip: place('clip'),
    vae: place('vae'),
    clipTokenizer: candidate('tokenizer')?.path ?? null,
    t5Tokenizer: candidate('tokenizer_2')?.path ?? null,
    scheduler: null,
    variants:
      wanted.length > 0 ? whole : usable.length > 0 ? usable : whole.filter(([name]) => name === variantInUse(slots)),
    arcface: candidate('arcface')?.path ?? null,
    scrfd: candidate('scrfd')?.path ?? null,
    recognition: candidate('recognition')?.path ?? null,
  };
}
