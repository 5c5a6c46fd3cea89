/** A comparison as one line of a list to choose from. */
import type { GalleryItem } from '$contract/gallery';
import { countOf } from './format-amount';

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** `24 Nov, 10:35 · 3 pictures · A portrait, soft window light` */
export function comparisonOption(item: GalleryItem): { value: string; label: string } {
  const { run, stackSize } = item;
  return {
    value: run.comparisonId,
    label: `${day.format(run.createdAtMs)} · ${countOf(stackSize, 'picture')} · ${run.promptStart.slice(0, 80)}`,
  };
}
