/** Texts about converting weights before a run, and about converted weights. */
import type { CacheEntry } from '$contract/library';
import { WEIGHT_FORMATS, type WeightFormat } from '$contract/formats';
import type { ConversionItem, PreparationEstimate, PreparationState } from '$contract/preparation';
import { missingRoom, RESERVE_BYTES } from '$contract/preparation';
import { t } from '../../text/text.svelte';
import { formatBytes, formatTimeLeft } from '../format-amount';
import { componentName } from './pack-text';
import { formatName } from '../runs/variant-name';

/** `FLUX in NF4`. */
export function itemName({ component, format }: ConversionItem): string {
  return t('preparation.item', { component: componentName(component), format: formatName(format) });
}

/** Total cost of the chosen items. */
export function chosenCost(
  estimate: PreparationEstimate,
  isChosen: (item: ConversionItem) => boolean,
): { readonly bytesLeft: number; readonly secondsLeft: number; readonly missingBytes: number } {
  const chosen = estimate.items.filter(isChosen);
  const bytesLeft = chosen.reduce((sum, item) => sum + item.bytesLeft, 0);
  return {
    bytesLeft,
    secondsLeft: chosen.reduce((sum, item) => sum + item.secondsLeft, 0),
    missingBytes: missingRoom(bytesLeft, estimate.freeBytes),
  };
}

/** Progress of a conversion, for the line beside its state. */
export function preparationLine({ status, items, secondsLeft }: PreparationState): string {
  const total = items.length;
  const done = items.filter(({ state }) => state === 'done').length;
  if (status === 'done') return t('preparation.all-done', { total });
  const current = items.find(({ state }) => state === 'running') ?? items[0];
  if (status !== 'running' || current === undefined) return t('preparation.kept', { done, total });
  const time = formatTimeLeft(secondsLeft);
  const item = itemName(current);
  return time === null
    ? t('preparation.line-no-time', { item, done, total })
    : t('preparation.line', { item, done, total, time });
}

/** Formats of cache files that hold measured errors instead of weights. */
const FIGURES = ['weight-errors', 'output-errors'];

/** `FLUX NF4`; conditioning weights and measured errors have names of their own. */
export function cacheEntryName({ component, format, hasLoras }: CacheEntry): string {
  const [part = component] = component.split('-conditioning');
  const name = part === component ? componentName(part) : t('cache.conditioning', { component: componentName(part) });
  const known = WEIGHT_FORMATS.find((candidate): candidate is WeightFormat => candidate === format);
  const kind = known !== undefined ? formatName(known) : FIGURES.includes(format) ? t('cache.weight-errors') : format;
  return t(hasLoras ? 'cache.entry-loras' : 'cache.entry', { component: name, format: kind });
}

/** `f16 · weights 0123456789abcdef`; unknown facts are left out. */
export function cacheEntryFacts({ dtype, weights, unfinished }: CacheEntry): string {
  return [unfinished ? t('cache.unfinished') : '', dtype ?? '', weights ?? '']
    .filter((fact) => fact !== '')
    .join(' · ');
}

export function costLine(estimate: PreparationEstimate, cost: ReturnType<typeof chosenCost>): string {
  const bytes = formatBytes(cost.bytesLeft);
  const free = formatBytes(estimate.freeBytes);
  return cost.missingBytes > 0
    ? t('preparation.no-room', {
        bytes,
        free,
        reserve: formatBytes(RESERVE_BYTES),
        missing: formatBytes(cost.missingBytes),
      })
    : t('preparation.estimate', { bytes, time: formatTimeLeft(cost.secondsLeft) ?? '', free });
}
