/** `--lora FILE[:WEIGHT]`, once per LoRA. */
import { InvalidArgumentError, Option } from 'commander';
import { typedAbsolute } from '../disk/paths.js';
import { MAX_LORA_WEIGHT } from '../contract/lora.js';
import type { LoraChoice } from '../engine/protocol.js';

export function loraOption(): Option {
  return new Option('--lora <file[:weight]>', 'LoRA to add to FLUX, weight 1 when none is given; may be repeated')
    .argParser((text, previous: readonly LoraChoice[]) => [...previous, parseLoraChoice(text)])
    .default([], 'none');
}

/**
 * The text after the last colon is the weight if it is a number, so that `C:\style.safetensors` is a path.
 * @throws InvalidArgumentError
 */
export function parseLoraChoice(text: string): LoraChoice {
  const [, file = text, number] = /^(.+):([-+.,\deE]+)$/.exec(text) ?? [];
  // Half of Europe's keyboards write 0,8.
  const weight = number === undefined ? 1 : Number(number.replace(/^([-+]?\d*),(\d+)$/, '$1.$2'));
  if (file === '' || !Number.isFinite(weight) || Math.abs(weight) > MAX_LORA_WEIGHT) {
    throw new InvalidArgumentError(
      `--lora is FILE or FILE:WEIGHT with a weight from -${MAX_LORA_WEIGHT} to ${MAX_LORA_WEIGHT}.`,
    );
  }
  return { path: typedAbsolute(file), weight };
}
