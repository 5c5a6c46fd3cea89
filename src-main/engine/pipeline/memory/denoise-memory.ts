/**
 * Memory of a denoising step, from sizes alone. The GPU's figures are fitted to full-size runs on an H200 from 1536 to
 * 9728 tokens (docs/measurements.md): all thirteen lie within 3 %.
 */
import { WEIGHT_FORMATS, type ComponentFormat, type Provider, type WeightFormat } from '../../protocol.js';

/** Which column of these tables a provider has. */
export function memoryKind(provider: Provider): 'cpu' | 'gpu' {
  return provider === 'cpu' ? 'cpu' : 'gpu';
}

/** Bytes of an activation: f16 on a GPU, f32 on the CPU. */
export const VALUE_BYTES = { cpu: 4, gpu: 2 } as const;
/** Tensors [tokens, hidden] that a step holds at its peak, those the runtime keeps for the next block counted in. */
const LIVE_TENSORS = { cpu: 20, gpu: 54 } as const;
/** On a GPU attention goes by two heads: [tokens, tokens] of scores and of their softmax for each. */
const SCORE_TENSORS = 4;
/**
 * What the driver takes for weights over their own bytes: buffers below 4 MiB are rounded up to a power of two, which
 * is what a 4-bit layer's scales have.
 */
const GPU_WEIGHTS: Readonly<Record<WeightFormat, number>> = {
  '16-bit': 1.004,
  fp8: 1.006,
  int8: 1.007,
  int4: 1.093,
  nf4: 1.054,
};

/** Bytes that resident weights take on the provider's device; a mix is reckoned as its least economical format. */
export function residentBytes(bytes: number, format: ComponentFormat, provider: Provider): number {
  if (provider === 'cpu') return bytes;
  const uniform = WEIGHT_FORMATS.find((one) => one === format);
  return bytes * (uniform === undefined ? Math.max(...Object.values(GPU_WEIGHTS)) : GPU_WEIGHTS[uniform]);
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
