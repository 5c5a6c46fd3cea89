/** Copies settings read from a picture file into the studio's form. */
import { PROVIDERS } from '$contract/formats';
import { settingFits, SHARED_NUMBERS, type ComparisonDraft, type NumberSetting } from '$contract/generation-settings';
import { MAX_LORA_WEIGHT, MAX_LORAS } from '$contract/lora';
import type { PackSummary } from '$contract/pack';
import type { ReadSettings } from '$contract/picture-metadata';
import { t } from '../../text/text.svelte';
import { withProvider } from './draft';

/** Shown digits of a hash: enough to compare it with a model's page. */
const SHOWN_DIGITS = 12;

/**
 * The draft with all settings of the file that this pack supports. `missing` has a sentence for each setting that was
 * not changed. The identity photo is never in a file, so it stays.
 */
export function draftFromMetadata(
  draft: ComparisonDraft,
  read: ReadSettings,
  pack: PackSummary,
): { readonly draft: ComparisonDraft; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const next: ComparisonDraft = { ...draft };
  const fits = (name: NumberSetting): boolean => {
    const value = read[name];
    return value !== null && settingFits(name, value, pack.limits);
  };

  if (read.prompt !== null && read.prompt.trim() !== '') next.prompts = [read.prompt];
  else missing.push(t('taken.no-prompt'));
  if (read.seed !== null && fits('seed')) next.seeds = [read.seed];
  else missing.push(t('taken.no-seed'));

  for (const name of SHARED_NUMBERS) next[name] = fits(name) ? (read[name] ?? next[name]) : next[name];
  if (read.steps !== null && !fits('steps')) missing.push(t('taken.many-steps', { steps: String(read.steps) }));
  const { width, height } = read;
  if (!fits('width') || !fits('height')) {
    next.width = draft.width;
    next.height = draft.height;
    if (width !== null && height !== null) missing.push(t('taken.size', { size: `${width}×${height}` }));
  }
  if (next.start > next.end) {
    next.start = draft.start;
    next.end = draft.end;
  }
  if (read.modelVariant !== null) {
    if (pack.modelVariants.includes(read.modelVariant)) next.modelVariant = read.modelVariant;
    else missing.push(t('taken.variant', { name: read.modelVariant }));
  }
  const provider = PROVIDERS.find((candidate) => candidate === read.provider);
  if (read.formats !== null) next.variants = [read.formats];
  if (read.loras !== null) {
    const found = lorasOf(read.loras);
    next.loras = found.loras;
    missing.push(...found.missing);
  }
  if (read.negativePrompt !== null && read.negativePrompt !== '') {
    missing.push(t('taken.negative'));
  }
  return { draft: provider === undefined ? next : withProvider(next, provider), missing };
}

/** LoRAs with the same contents as those of the picture; for the others, a sentence that says what to do. */
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
