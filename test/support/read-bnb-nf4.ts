import { parseBnbState, readBnbAbsmax, type BnbNf4Tensors } from '../../src-main/engine/quant/formats/bnb-nf4.js';
import type { Nf4Weights } from '../../src-main/engine/quant/formats/nf4.js';

/** One weight [n, k] in our form: the same packed bytes (by reference) and a plain absmax. @throws AppError weights.* */
export function readBnbNf4(
  { qweight, quantMap, quantState, ...stored }: BnbNf4Tensors,
  name: string,
): Nf4Weights & { readonly n: number; readonly k: number } {
  const state = parseBnbState(quantState, quantMap, name);
  const [n, k] = state.shape;
  return { n, k, codes: qweight, absmax: readBnbAbsmax(stored, state, name) };
}
