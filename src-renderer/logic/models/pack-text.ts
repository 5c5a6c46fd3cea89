/** Names of a pack's parts. */
import { formatDecimal, t } from '../../text/text.svelte';

const NAMES: Readonly<Record<string, string>> = {
  flux: 'FLUX',
  transformer: 'FLUX',
  t5: 'T5',
  clip: 'CLIP',
  vae: 'VAE',
  infusenet: 'InfuseNet',
};

function partName(part: string): string {
  switch (part) {
    case 'image-projection':
    case 'arcface':
    case 'scrfd':
    case 'recognition':
    case 'tokenizer':
    case 'tokenizer_2':
      return t(`part.${part}`);
    default:
      return NAMES[part] ?? part;
  }
}

/** `infusenet/aes_stage2` becomes `InfuseNet aes_stage2`; unknown parts keep the pack's own name. */
export function componentName(component: string): string {
  const [part = component, ...variant] = component.split('/');
  return [partName(part), ...variant].join(' ');
}

/** Parameters in millions or billions: `11.9 B`, `345 M`, `0.06 M`. */
export function parametersText(parameters: number): string {
  if (parameters === 0) return '–';
  if (parameters >= 1e9) return t('unit.billions', { value: formatDecimal(parameters / 1e9, 1) });
  return t('unit.millions', { value: formatDecimal(parameters / 1e6, parameters < 1e7 ? 2 : 0) });
}
