/**
 * Memory of a denoising step, from sizes alone. The GPU's figures are fitted to full-size runs on an H200 from 1536 to
 * 9728 tokens (docs/measurements.md), all thirteen within 3 %.
 */
import { AS_FILE, isWeightFormat, WEIGHT_FORMATS, type ComponentFormat, type Provider } from '../../protocol.js';
import { STORAGE_FORMATS, storageOf } from '../../quant/formats/storage.js';

/** The column of these tables for a provider. */
export function memoryKind(provider: Provider): 'cpu' | 'gpu' {
  return provider === 'cpu' ? 'cpu' : 'gpu';
}

/** Bytes of an activation: f16 on a GPU, f32 on the CPU. */
export const VALUE_BYTES = { cpu: 4, gpu: 2 } as const;
/** Tensors [tokens, hidden] at the peak of a step, including those that the runtime keeps for the next block. */
const LIVE_TENSORS = { cpu: 20, gpu: 54 } as const;
/** On a GPU attention runs on two heads at a time: [tokens, tokens] of scores and of their softmax for each. */
const SCORE_TENSORS = 4;

/** A file's own blocks have no small tensors beside them. */
const BLOCKS_OVERHEAD = 1.006;

/** Bytes that resident weights take on the provider's device; a mix counts as its least economical format. */
export function residentBytes(bytes: number, format: ComponentFormat, provider: Provider): number {
  if (provider === 'cpu') return bytes;
  if (format === AS_FILE) return bytes * BLOCKS_OVERHEAD;
  const overheads = (isWeightFormat(format) ? [format] : WEIGHT_FORMATS).map(
    (one) => STORAGE_FORMATS[storageOf(one)].gpuOverhead,
  );
  return bytes * Math.max(...overheads);
}

/**
 * @param tokens of the picture and of the text
 * @param hidden width of the stream
 * @returns bytes at the peak of a step, without the weights
 */
export function stepBytes(tokens: number, hidden: number, provider: Provider): number {
  const device = memoryKind(provider);
  const scores = device === 'gpu' ? SCORE_TENSORS * tokens ** 2 : 0;
  return (LIVE_TENSORS[device] * tokens * hidden + scores) * VALUE_BYTES[device];
}
