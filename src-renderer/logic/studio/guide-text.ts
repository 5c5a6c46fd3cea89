/** What the guided comparison is doing, in a plain sentence. */
import type { RunProgress } from '$contract/comparison';
import type { ComponentFormat } from '$contract/formats';
import { t } from '../../text/text.svelte';
import { formatName } from '../runs/variant-name';

/** @param name who is drawn @param format of the picture that is being made */
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
