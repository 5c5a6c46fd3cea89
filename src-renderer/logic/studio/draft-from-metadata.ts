/** Settings read out of a picture file, put into the studio's form as far as they go. */
import { PROVIDERS } from '$contract/formats';
import type { ComparisonDraft } from '$contract/generation-settings';
import { MAX_CONDITIONING_SCALE, MAX_GUIDANCE, MAX_SEED, SIZE_STEP } from '$contract/limits';
import { MAX_LORA_WEIGHT, MAX_LORAS } from '$contract/lora';
import type { PackSummary } from '$contract/pack';
import type { ReadSettings } from '$contract/picture-metadata';
import { t } from '../../text/text.svelte';

/** Of a hash, enough to compare with what a model's page shows. */
const SHOWN_DIGITS = 12;

/**
 * The draft with everything the file says and this pack can do. `missing` says, in sentences, what was left as it
 * was. The identity photo is never in a file, so it always stays.
 */
export function draftFromMetadata(
  draft: ComparisonDraft,
  read: ReadSettings,
  pack: PackSummary,
): { readonly draft: ComparisonDraft; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const next: ComparisonDraft = { ...draft };
  const within = (value: number | null, low: number, high: number): value is number =>
    value !== null && value >= low && value <= high;

  if (read.prompt !== null && read.prompt.trim() !== '') next.prompts = [read.prompt];
  else missing.push(t('taken.no-prompt'));
  if (within(read.seed, 0, MAX_SEED) && Number.isInteger(read.seed)) next.seeds = [read.seed];
  else missing.push(t('taken.no-seed'));

  if (within(read.steps, 1, pack.limits.maxSteps) && Number.isInteger(read.steps)) next.steps = read.steps;
  else if (read.steps !== null) missing.push(t('taken.many-steps', { steps: String(read.steps) }));
  const { minSize, maxSize } = pack.limits;
  const { width, height } = read;
  if (
    within(width, minSize, maxSize) &&
    within(height, minSize, maxSize) &&
    width % SIZE_STEP === 0 &&
    height % SIZE_STEP === 0
  ) {
    next.width = width;
    next.height = height;
  } else if (width !== null && height !== null) {
    missing.push(t('taken.size', { size: `${width}×${height}` }));
  }
  if (within(read.guidance, 0, MAX_GUIDANCE)) next.guidance = read.guidance;
  if (within(read.conditioningScale, 0, MAX_CONDITIONING_SCALE)) next.conditioningScale = read.conditioningScale;
  if (within(read.start, 0, 1) && within(read.end, 0, 1) && read.start <= read.end) {
    next.start = read.start;
    next.end = read.end;
  }
  if (read.modelVariant !== null) {
    if (pack.modelVariants.includes(read.modelVariant)) next.modelVariant = read.modelVariant;
    else missing.push(t('taken.variant', { name: read.modelVariant }));
  }
  const provider = PROVIDERS.find((candidate) => candidate === read.provider);
  if (provider !== undefined) next.provider = provider;
  if (read.formats !== null) next.variants = [read.formats];
  if (read.loras !== null) {
    const found = lorasOf(read.loras);
    next.loras = found.loras;
    missing.push(...found.missing);
  }
  if (read.negativePrompt !== null && read.negativePrompt !== '') {
    missing.push(t('taken.negative'));
  }
  return { draft: next, missing };
}

/** LoRAs with the same contents as those of the picture; of the others, what to do. */
function lorasOf(read: NonNullable<ReadSettings['loras']>): {
  readonly loras: ComparisonDraft['loras'];
  readonly missing: readonly string[];
} {
  const loras: ComparisonDraft['loras'] = [];
  const missing: string[] = [];
  for (const { name, weight, sha256, loraId } of read) {
    if (sha256 === null) missing.push(t('loras.no-hash', { name, weight }));
    else if (loraId === null) missing.push(t('loras.not-here', { name, weight, hash: sha256.slice(0, SHOWN_DIGITS) }));
    else if (Math.abs(weight) > MAX_LORA_WEIGHT || loras.length === MAX_LORAS) {
      missing.push(t('loras.too-much', { name, weight, limit: MAX_LORA_WEIGHT, count: MAX_LORAS }));
    } else if (!loras.some((lora) => lora.loraId === loraId)) loras.push({ loraId, name, weight });
  }
  return { loras, missing };
}
