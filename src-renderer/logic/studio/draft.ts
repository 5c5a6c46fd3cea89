/** The studio's form: what it starts with, how its seeds and variants change, and what is wrong with it. */
import { FIRST_VARIANTS, variantKey, type FormatChoice, type Provider } from '$contract/formats';
import type { ComparisonDraft } from '$contract/generation-settings';
import {
  MAX_CELLS,
  MAX_CONDITIONING_SCALE,
  MAX_GUIDANCE,
  MAX_PROMPT_LENGTH,
  MAX_SEED,
  SIZE_STEP,
} from '$contract/limits';
import type { PackSummary } from '$contract/pack';
import { t } from '../../text/text.svelte';

export type DraftField = keyof ComparisonDraft;
/** What is wrong, in a sentence, by field. */
export type DraftProblems = Partial<Record<DraftField, string>>;

/** FLUX.1-dev's InfiniteYou defaults; size, steps and guidance come from the pack. */
export function startDraft(pack: PackSummary, provider: Provider): ComparisonDraft {
  return {
    packId: pack.id,
    provider,
    modelVariant: pack.modelVariants[0] ?? '',
    identityId: null,
    faceIndex: 0,
    poseId: null,
    steps: pack.defaults.steps,
    width: pack.defaults.width,
    height: pack.defaults.height,
    guidance: pack.defaults.guidance,
    conditioningScale: 1,
    start: 0,
    end: 1,
    loras: [],
    prompts: [''],
    seeds: [42],
    variants: [...FIRST_VARIANTS],
    repeats: 1,
  };
}

/** The draft with everything another pack cannot do brought inside that pack's bounds. */
export function fitToPack(draft: ComparisonDraft, pack: PackSummary): ComparisonDraft {
  const { minSize, maxSize, maxSteps } = pack.limits;
  const fits = draft.width >= minSize && draft.width <= maxSize && draft.height >= minSize && draft.height <= maxSize;
  return {
    ...draft,
    packId: pack.id,
    modelVariant: pack.modelVariants.includes(draft.modelVariant) ? draft.modelVariant : (pack.modelVariants[0] ?? ''),
    steps: Math.min(draft.steps, maxSteps),
    width: fits ? draft.width : pack.defaults.width,
    height: fits ? draft.height : pack.defaults.height,
  };
}

/** The draft decoded so; `auto` leaves it to the engine. */
export function withDecode(draft: ComparisonDraft, decode: 'auto' | 'whole' | 'tiles'): ComparisonDraft {
  const others = (({ decode: _, ...rest }: ComparisonDraft): ComparisonDraft => rest)(draft);
  return decode === 'auto' ? others : { ...others, decode };
}

/** `count` seeds from the first upward, wrapping at 2³². */
export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (first + index) % (MAX_SEED + 1));
}

/** @param random A number in [0, 1). */
export function randomSeed(random: number): number {
  return Math.floor(random * (MAX_SEED + 1));
}

/** The list with those variants added that are not in it yet. */
export function addVariants(list: readonly FormatChoice[], added: readonly FormatChoice[]): FormatChoice[] {
  const seen = new Set(list.map(variantKey));
  const result = [...list];
  for (const variant of added) {
    if (seen.has(variantKey(variant))) continue;
    seen.add(variantKey(variant));
    result.push({ ...variant });
  }
  return result;
}

/** For every row: the row (1-based) that already has the same formats, or null. */
export function duplicateRows(list: readonly FormatChoice[]): (number | null)[] {
  const first = new Map<string, number>();
  return list.map((variant, index) => {
    const key = variantKey(variant);
    const before = first.get(key);
    if (before !== undefined) return before + 1;
    first.set(key, index);
    return null;
  });
}

/** Pictures that the draft makes. */
export function cellCount(draft: ComparisonDraft): number {
  return draft.prompts.length * draft.seeds.length * draft.variants.length * draft.repeats;
}

function sizeProblem(name: string, value: number, pack: PackSummary): string | null {
  const { minSize, maxSize } = pack.limits;
  if (value < minSize || value > maxSize)
    return t('draft.size-range', { side: name, low: String(minSize), high: String(maxSize) });
  return value % SIZE_STEP === 0 ? null : t('draft.size-multiple', { side: name, step: SIZE_STEP });
}

/** What keeps the draft from being run; empty when nothing does. */
export function draftProblems(draft: ComparisonDraft, pack: PackSummary): DraftProblems {
  const problems: DraftProblems = {};
  const say = (field: DraftField, sentence: string | null): void => {
    if (sentence !== null) problems[field] = sentence;
  };
  const within = (value: number, low: number, high: number): boolean =>
    Number.isFinite(value) && value >= low && value <= high;

  if (draft.prompts.some((prompt) => prompt.trim() === '')) say('prompts', t('draft.no-prompt'));
  if (draft.prompts.some((prompt) => prompt.length > MAX_PROMPT_LENGTH))
    say('prompts', t('draft.long-prompt', { most: String(MAX_PROMPT_LENGTH) }));
  say('width', sizeProblem(t('size.width'), draft.width, pack));
  say('height', sizeProblem(t('size.height'), draft.height, pack));
  if (!Number.isInteger(draft.steps) || !within(draft.steps, 1, pack.limits.maxSteps))
    say('steps', t('draft.steps', { most: pack.limits.maxSteps }));
  if (draft.seeds.some((seed) => !Number.isInteger(seed) || !within(seed, 0, MAX_SEED)))
    say('seeds', t('draft.seed', { most: String(MAX_SEED) }));
  if (!within(draft.guidance, 0, MAX_GUIDANCE)) say('guidance', t('draft.guidance', { most: MAX_GUIDANCE }));
  if (!within(draft.conditioningScale, 0, MAX_CONDITIONING_SCALE))
    say('conditioningScale', t('draft.conditioning', { most: MAX_CONDITIONING_SCALE }));
  if (!within(draft.start, 0, 1) || !within(draft.end, 0, 1)) say('start', t('draft.start-range'));
  else if (draft.start > draft.end) say('start', t('draft.start-order'));
  if (draft.variants.length === 0) say('variants', t('draft.no-variant'));
  else if (duplicateRows(draft.variants).some((row) => row !== null)) say('variants', t('draft.same-variants'));
  else if (cellCount(draft) > MAX_CELLS)
    say('variants', t('draft.many-pictures', { count: cellCount(draft), most: MAX_CELLS }));
  return problems;
}
