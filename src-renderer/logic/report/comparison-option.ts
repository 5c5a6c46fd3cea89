/** A comparison as an option of a list. */
import type { GalleryItem } from '$contract/gallery';
import { formatMoment, t } from '../../text/text.svelte';

/** Characters of the prompt: the list is as wide as its longest option. */
const MAX_PROMPT = 80;
const MOMENT = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const;

/** `24 Nov, 10:35 · 3 pictures · A portrait, soft window light` */
export function comparisonOption(item: GalleryItem): { value: string; label: string } {
  const { run, stackSize } = item;
  return {
    value: run.comparisonId,
    label: [
      formatMoment(run.createdAtMs, MOMENT),
      t('count.pictures', { count: stackSize }),
      run.promptStart.length > MAX_PROMPT ? `${run.promptStart.slice(0, MAX_PROMPT - 1)}…` : run.promptStart,
    ].join(' · '),
  };
}
