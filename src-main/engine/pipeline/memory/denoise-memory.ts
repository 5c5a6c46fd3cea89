/**
 * Memory of a denoising step, from sizes alone. The figures of `gpu` (webgpu) and `cuda` are fitted to full-size runs on an
 * H200 from 1536 to 9728 tokens (docs/measurements.md); all rows there are within 3 %.
 */
import { FORMAT_FACTS } from '../../../base/vocabulary.js';
import { AS_FILE, isWeightFormat, WEIGHT_FORMATS, type ComponentFormat, type Provider } from '../../protocol.js';
import { STORAGE_FORMATS, storageOf } from '../../quant/formats/storage.js';
import type { Room } from './component-sizes.js';

/** The column of these tables for a provider. */
export function memoryKind(provider: Provider): 'cpu' | 'gpu' | 'cuda' {
  return provider === 'cpu' || provider === 'cuda' ? provider : 'gpu';
}

/** Bytes of an activation: f16 on a GPU, f32 on the CPU. */
export const VALUE_BYTES = { cpu: 4, gpu: 2, cuda: 2 } as const;
/**
 * Tensors [tokens, hidden] at the peak of a step, including those that the runtime keeps for the next block; on `cuda`
 * also the streams' own buffers.
 */
const LIVE_TENSORS = { cpu: 20, gpu: 54, cuda: 34.8 } as const;
/** Of these, buffers between blocks, which are there as soon as weights are. */
const BUFFERS = { cpu: 0, gpu: 0, cuda: 10.4 } as const;
/** By heads, two at a time: [tokens, tokens] of scores and of their softmax for each. Fused attention keeps none. */
const SCORE_TENSORS = { cpu: 0, gpu: 4, cuda: 0 } as const;
/** What the arena cannot use again, in a step. */
const STEP_ROOM_BYTES = { cpu: 0, gpu: 0, cuda: 0.12 * 2 ** 30 } as const;
/** CUDA's context, the kernels of its libraries, and a handle of cuBLAS and cuDNN for each kind of block. */
const CONTEXT_BYTES = { cpu: 0, gpu: 0, cuda: 0.66 * 2 ** 30 } as const;

/** What the provider takes on its device beside tensors. */
export function contextBytes(provider: Provider): number {
  return CONTEXT_BYTES[memoryKind(provider)];
}

/** On `cuda` weights lie side by side in blocks, where kernels expect them. */
const CUDA_ALIGNMENT = 256;

export function roomOf(provider: Provider): Room {
  return provider === 'cuda' ? (bytes) => Math.ceil(bytes / CUDA_ALIGNMENT) * CUDA_ALIGNMENT : (bytes) => bytes;
}

/** A file's own blocks have no small tensors beside them. */
const BLOCKS_OVERHEAD = 1.006;

/** Bytes that resident weights take on the provider's device; a mix counts as its least economical format. */
export function residentBytes(bytes: number, format: ComponentFormat, provider: Provider): number {
  if (provider === 'cpu' || provider === 'cuda') return bytes;
  const one = isWeightFormat(format) || format === AS_FILE;
  if (format === AS_FILE) return bytes * BLOCKS_OVERHEAD;
  const overheads = (one ? [format] : WEIGHT_FORMATS).map((each) => STORAGE_FORMATS[storageOf(each)].gpuOverhead);
  return bytes * Math.max(...overheads);
}

/**
 * What `cuda` expands of a linear at a time, in copies of it in 16 bits: none of 16-bit weights, one in front of a product
 * of packed ones, two where the graph itself casts or decodes.
 */
export function expandedCopies(format: ComponentFormat): number {
  if (format === '16-bit') return 0;
  if (!isWeightFormat(format)) return 2;
  const operator = FORMAT_FACTS[format].operators.cuda;
  return operator === 'nbits' || operator === 'bnb4' ? 1 : 2;
}

/** Bytes of a step's memory that loading takes already. @param tokens of picture and text */
export function bufferBytes(tokens: number, hidden: number, provider: Provider): number {
  const device = memoryKind(provider);
  return BUFFERS[device] * tokens * hidden * VALUE_BYTES[device];
}

/**
 * @param tokens of the picture and of the text
 * @param hidden width of the stream
 * @returns bytes at the peak of a step, without the weights
 */
export function stepBytes(tokens: number, hidden: number, provider: Provider): number {
  const device = memoryKind(provider);
  const values = LIVE_TENSORS[device] * tokens * hidden + SCORE_TENSORS[device] * tokens ** 2;
  return values * VALUE_BYTES[device] + STEP_ROOM_BYTES[device];
}
