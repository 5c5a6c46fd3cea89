/** Names of a pack's parts for people. */
const NAMES: Readonly<Record<string, string>> = {
  flux: 'FLUX',
  transformer: 'FLUX',
  t5: 'T5',
  clip: 'CLIP',
  vae: 'VAE',
  infusenet: 'InfuseNet',
  'image-projection': 'Image projection',
  arcface: 'Face recognition',
  scrfd: 'Face detection',
};

/** Unknown parts keep the pack's own word. */
export function componentName(component: string): string {
  return NAMES[component] ?? component;
}
