/** Texts about smaller choices for a run that ran out of memory. */
import { COMPONENT_NAMES, QUANTIZED_COMPONENTS, type FormatChoice } from '$contract/formats';
import type { SmallerChange, SmallerChoice, SmallerChoices } from '$contract/smaller-choice';
import { commas, t } from '../../text/text.svelte';
import { formatBytes, formatPercent, formatTimeLeft } from '../format-amount';
import { formatName, variantName } from '../runs/variant-name';

/** `FLUX in INT8`, `624 × 832 pixels`; the variant's name if several formats change. @param before the run's formats */
export function changeName(change: SmallerChange, before: FormatChoice): string {
  switch (change.kind) {
    case 'formats': {
      const { formats } = change;
      const [changed, ...more] = QUANTIZED_COMPONENTS.filter((component) => formats[component] !== before[component]);
      if (changed === undefined || more.length > 0) return variantName(formats);
      return t('smaller.format', { component: COMPONENT_NAMES[changed], format: formatName(formats[changed]) });
    }
    case 'size':
      return t('smaller.size', { width: String(change.width), height: String(change.height) });
    case 'tiles':
      return t('smaller.tiles');
  }
}

/** Saved memory, effect on the picture, and time. */
export function choiceFacts(choice: SmallerChoice): string {
  const { change, savedBytes, weightErrors, fit } = choice;
  return commas([
    t('smaller.saves', { bytes: formatBytes(savedBytes) }),
    ...weightErrors.map(({ component, before, after, measured }) =>
      t(measured ? 'smaller.error' : 'smaller.error-about', {
        component: COMPONENT_NAMES[component],
        before: formatPercent(before),
        after: formatPercent(after),
      }),
    ),
    ...(change.kind === 'tiles' ? [t('smaller.same-picture')] : []),
    ...(change.kind === 'size' ? [t('smaller.other-picture')] : []),
    timeText(choice),
    ...(fit === 'too-big' ? [t('smaller.too-big')] : []),
  ]);
}

function timeText({ change, seconds, secondsMore }: SmallerChoice): string {
  const longer = formatTimeLeft(secondsMore);
  if (change.kind === 'tiles')
    return longer === null ? t('smaller.tiles-time') : t('smaller.takes-longer', { time: longer });
  const whole = formatTimeLeft(seconds);
  return whole === null ? t('smaller.time-unknown') : t('smaller.takes', { time: whole });
}

/** The run's memory compared with free memory. */
export function needSentence({ needsBytes, freeBytes }: SmallerChoices): string {
  const needs = formatBytes(needsBytes);
  return freeBytes === null
    ? t('smaller.needs-unknown', { needs })
    : t('smaller.needs', { needs, free: formatBytes(freeBytes) });
}
