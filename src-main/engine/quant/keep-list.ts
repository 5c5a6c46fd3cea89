/** Patterns of tensors that stay in 16-bit in every format, because they are small or critical. Recorded with results. */
import type { QuantizedComponent } from '../protocol.js';

/** Inputs, outputs and modulation in both FLUX and InfuseNet; `*` stands for any characters. */
const FLUX_LIKE = [
  'x_embedder.*',
  'context_embedder.*',
  'time_text_embed.*',
  // Modulation: runs once before the loop, on the host.
  '*.norm1.linear.*',
  '*.norm1_context.linear.*',
  '*.norm.linear.*',
  '*.norm_q.weight',
  '*.norm_k.weight',
  '*.norm_added_q.weight',
  '*.norm_added_k.weight',
  '*.bias',
] as const;

/** Patterns of diffusers' and transformers' tensor names, by component. */
const KEEP_LIST: Readonly<Record<QuantizedComponent, readonly string[]>> = {
  flux: [...FLUX_LIKE, 'norm_out.*', 'proj_out.*'],
  infusenet: [...FLUX_LIKE, 'controlnet_x_embedder.*'],
  t5: ['shared.*', '*.embed_tokens.*', '*.relative_attention_bias.*', '*layer_norm.*'],
};

export const KEEP_PATTERNS: readonly string[] = Object.entries(KEEP_LIST).flatMap(([component, patterns]) =>
  patterns.map((pattern) => `${component}: ${pattern}`),
);

const EXPRESSIONS: Readonly<Record<QuantizedComponent, RegExp>> = {
  flux: expressionOf(KEEP_LIST.flux),
  infusenet: expressionOf(KEEP_LIST.infusenet),
  t5: expressionOf(KEEP_LIST.t5),
};

function expressionOf(patterns: readonly string[]): RegExp {
  const alternatives = patterns.map((pattern) => pattern.replaceAll('.', '\\.').replaceAll('*', '.*'));
  return new RegExp(`^(?:${alternatives.join('|')})$`);
}

export function isKept(component: QuantizedComponent, tensorName: string): boolean {
  return EXPRESSIONS[component].test(tensorName);
}
