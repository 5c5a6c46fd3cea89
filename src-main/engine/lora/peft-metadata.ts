/**
 * The scale of a LoRA that diffusers saved with its PEFT configuration.
 *
 * @source huggingface/diffusers loaders/lora_base.py (`lora_adapter_metadata`); huggingface/peft tuners/lora/layer.py
 */
import { z } from 'zod';
import { malformed } from '../weights/weights-error.js';

const KEY = 'lora_adapter_metadata';

const schema = z.object({
  'transformer.lora_alpha': z.number().optional(),
  'transformer.use_rslora': z.boolean().nullish(),
  'transformer.alpha_pattern': z.record(z.string(), z.number()).nullish(),
});

/**
 * alpha / r, or alpha / √r if the configuration says so; 1 without a configuration, where alpha is r.
 *
 * @param tensor of the module; the patterns use its dotted name
 * @throws AppError weights.malformed
 */
export function peftScale(
  metadata: Readonly<Record<string, string>>,
  tensor: string,
  rank: number,
  file: string,
): number {
  const text = metadata[KEY];
  if (text === undefined) return 1;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(file, `has a "${KEY}" that is not JSON.`, cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw malformed(file, `has a "${KEY}" of an unknown form.`, parsed.error);
  const config = parsed.data;
  const module = tensor.replace(/\.lora_A\..*$/, '');
  const special = Object.entries(config['transformer.alpha_pattern'] ?? {}).find(
    ([name]) => module === name || module.endsWith(`.${name}`),
  );
  const alpha = special?.[1] ?? config['transformer.lora_alpha'] ?? rank;
  return alpha / (config['transformer.use_rslora'] === true ? Math.sqrt(rank) : rank);
}
