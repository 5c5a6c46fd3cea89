/** Current stage of the guided comparison, in a sentence. */
import type { RunProgress } from '$contract/comparison';
import type { ComponentFormat } from '$contract/formats';
import { t } from '../../text/text.svelte';
import { formatName } from '../runs/variant-name';

/** @param name of the person in the sample @param format of the current picture */
export function guideSentence({ stage }: RunProgress, name: string, format: ComponentFormat): string {
  switch (stage) {
    case 'identify':
      return t('guide.do.identify', { name });
    case 'convert':
      return t('guide.do.convert', { format: formatName(format) });
    case 'encode-text':
    case 'control':
    case 'load':
    case 'denoise':
    case 'decode':
      return t(`guide.do.${stage}`);
  }
}
