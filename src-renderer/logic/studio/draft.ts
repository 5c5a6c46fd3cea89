/** The studio's form: initial values, changes of seeds and variants, and checks. */
import { FIRST_VARIANTS, streamsWeights, variantKey, type FormatChoice, type Provider } from '$contract/formats';
import {
  INITIAL_SETTINGS,
  MEMORY_LIMIT,
  SETTINGS,
  settingFits,
  settingRange,
  SHARED_NUMBERS,
  SIZE_STEP,
  type ComparisonDraft,
  type SharedNumber,
} from '$contract/generation-settings';
import { MAX_CELLS } from '$contract/limits';
import type { PackSummary } from '$contract/pack';
import type { ProviderInfo } from '$contract/system-info';
import { t } from '../../text/text.svelte';
import { fieldLabel } from '../runs/setting-name';

export type DraftField = keyof ComparisonDraft;
/** Problems by field, as sentences. */
export type DraftProblems = Partial<Record<DraftField, string>>;

/** FLUX.1-dev's InfiniteYou defaults; size, steps and guidance come from the pack. */
export function startDraft(pack: PackSummary, provider: Provider): ComparisonDraft {
  return {
    packId: pack.id,
    provider,
    ...INITIAL_SETTINGS,
    ...pack.defaults,
    modelVariant: pack.modelVariants[0] ?? '',
    identityId: null,
    faceIndex: 0,
    poseId: null,
    loras: [],
    prompts: [SETTINGS.prompt.initial],
    seeds: [SETTINGS.seed.initial],
    variants: [...FIRST_VARIANTS],
    repeats: 1,
  };
}

/** The draft for another pack; values outside that pack's limits are replaced. */
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

/** The draft with a limit in GiB, with null for what is free. */
export function withMemoryLimit(draft: ComparisonDraft, gib: number | null): ComparisonDraft {
  const others = (({ memoryLimit: _, ...rest }: ComparisonDraft): ComparisonDraft => rest)(draft);
  return gib === null ? others : { ...others, memoryLimit: gib };
}

/** The draft on a provider; a limit goes where all weights are held. */
export function withProvider(draft: ComparisonDraft, provider: Provider): ComparisonDraft {
  return { ...(streamsWeights(provider) ? draft : withMemoryLimit(draft, null)), provider };
}

/** The draft with a way to decode; with `auto` the engine decides. */
export function withDecode(draft: ComparisonDraft, decode: 'auto' | 'whole' | 'tiles'): ComparisonDraft {
  const others = (({ decode: _, ...rest }: ComparisonDraft): ComparisonDraft => rest)(draft);
  return decode === 'auto' ? others : { ...others, decode };
}

/** `count` seeds from the first upward, wrapping at 2³². */
export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (first + index) % (SETTINGS.seed.max + 1));
}

/** @param random in [0, 1) */
export function randomSeed(random: number): number {
  return Math.floor(random * (SETTINGS.seed.max + 1));
}

/** The list with new variants added; duplicates are skipped. */
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

/** For each row, the first row (1-based) with the same formats, or null. */
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

/** Number of pictures that the draft makes. */
export function cellCount(draft: ComparisonDraft): number {
  return draft.prompts.length * draft.seeds.length * draft.variants.length * draft.repeats;
}

function numberProblem(name: SharedNumber, value: number, pack: PackSummary): string | null {
  if (settingFits(name, value, pack.limits)) return null;
  const { min: low, max: high } = settingRange(name, pack.limits);
  const label = fieldLabel(name);
  if (name !== 'width' && name !== 'height') return t('draft.range', { setting: label, low, high });
  return value < low || value > high
    ? t('draft.size-range', { side: label, low: String(low), high: String(high) })
    : t('draft.size-multiple', { side: label, step: SIZE_STEP });
}

/** Whether a device that was chosen does not work here: nothing falls back to another. */
export function isGone(provider: Provider, providers: readonly ProviderInfo[]): boolean {
  return providers.some((info) => info.provider === provider && !info.available);
}

/** Problems that prevent a run; empty if there are none. */
export function draftProblems(
  draft: ComparisonDraft,
  pack: PackSummary,
  providers: readonly ProviderInfo[] = [],
): DraftProblems {
  const problems: DraftProblems = {};
  const say = (field: DraftField, sentence: string | null): void => {
    if (sentence !== null) problems[field] = sentence;
  };
  const { prompt, seed } = SETTINGS;
  if (isGone(draft.provider, providers)) say('provider', t('gpu.gone.problem', { provider: draft.provider }));
  if (draft.prompts.some((text) => text.trim() === '')) say('prompts', t('draft.no-prompt'));
  if (draft.prompts.some((text) => text.length > prompt.max))
    say('prompts', t('draft.long-prompt', { most: String(prompt.max) }));
  if (draft.seeds.some((value) => !settingFits('seed', value, pack.limits)))
    say('seeds', t('draft.seed', { most: String(seed.max) }));
  if (draft.start > draft.end) say('start', t('draft.start-order'));
  for (const name of SHARED_NUMBERS) say(name, numberProblem(name, draft[name], pack));
  const { memoryLimit: limit } = draft;
  const { min: low, max: high } = MEMORY_LIMIT;
  if (limit !== undefined && !(limit >= low && limit <= high))
    say('memoryLimit', t('draft.range', { setting: fieldLabel('memoryLimit'), low, high }));
  if (draft.variants.length === 0) say('variants', t('draft.no-variant'));
  else if (duplicateRows(draft.variants).some((row) => row !== null)) say('variants', t('draft.same-variants'));
  else if (cellCount(draft) > MAX_CELLS)
    say('variants', t('draft.many-pictures', { count: cellCount(draft), most: MAX_CELLS }));
  return problems;
}
