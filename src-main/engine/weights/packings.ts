/** All packings of weights that are read. A file may mix them: FLUX in one, T5 in another, CLIP in none. */
import { withPackedWeights, type PackedWeight } from './packed-source.js';
import { awqT5 } from './packings/awq-t5.js';
import { bnb4bit } from './packings/bnb-4bit.js';
import { comfyQuant } from './packings/comfy-quant.js';
import { llmInt8 } from './packings/llm-int8.js';
import { narrowFloats } from './packings/narrow-floats.js';
import { nunchaku } from './packings/nunchaku.js';
import type { Packing } from './packings/packed-parts.js';
import { quanto } from './packings/quanto.js';
import { scaledFp8 } from './packings/scaled-fp8.js';
import { refuseUnreadable } from './packings/unreadable.js';
import type { TensorSource } from './tensor-source.js';
import { malformed, quoted } from './weights-error.js';

/** Those that leave tensors to others come after them. */
const PACKINGS: readonly Packing[] = [bnb4bit, llmInt8, comfyQuant, nunchaku, awqT5, quanto, scaledFp8, narrowFloats];

/**
 * The checkpoint's weights as ordinary tensors, whatever they are packed in.
 *
 * @returns a view that owns the source; the source itself when nothing is packed
 * @throws AppError weights.malformed, weights.unsupported-dtype, weights.unreadable; the source then stays open
 */
export async function withPackings(source: TensorSource): Promise<TensorSource> {
  const weights: PackedWeight[] = [];
  const hidden: string[] = [];
  const renamed = new Map<string, string>();
  const claims = new Claims(source);
  for (const packing of PACKINGS) {
    const found = await packing.find(source, claims);
    for (const weight of found.weights) {
      claims.add(packing.name, weight);
      weights.push(weight);
    }
    hidden.push(...(found.hidden ?? []));
    for (const [onDisk, shown] of found.renamed ?? []) renamed.set(onDisk, shown);
  }
  refuseUnreadable(source, claims);
  return withPackedWeights(source, weights, hidden, renamed);
}

/** Which packing each tensor of a weight belongs to. */
class Claims {
  readonly #source: TensorSource;
  readonly #packings = new Map<string, string>();
  readonly #shown = new Set<string>();

  constructor(source: TensorSource) {
    this.#source = source;
  }

  has(name: string): boolean {
    return this.#packings.has(name);
  }

  /** @throws AppError weights.malformed when two weights would have the same name, or packings the same tensor */
  add(packing: string, { entry, companions }: PackedWeight): void {
    const { name, file, origin } = entry;
    const tensors = new Set([...companions, ...origin.parts.map((part) => part.name)]);
    if (this.#shown.has(name) || (this.#source.entries.has(name) && !tensors.has(name))) {
      throw malformed(file, `has ${quoted(name)} in two forms.`);
    }
    this.#shown.add(name);
    for (const tensor of tensors) {
      const other = this.#packings.get(tensor);
      if (other !== undefined && other !== packing) {
        throw malformed(file, `has ${quoted(tensor)} as a part of weights of both ${other} and ${packing}.`);
      }
      this.#packings.set(tensor, packing);
    }
  }
}
