/**
 * Memory of a denoising step, from sizes alone. The figures of `gpu` (webgpu) and `cuda` are fitted to full-size runs on an
 * H200 from 1536 to 9728 tokens (docs/measurements.md); all rows there are within 3 %.
 */
import { AS_FILE, isWeightFormat, WEIGHT_FORMATS, type ComponentFormat, type Provider } from '../../protocol.js';
import { STORAGE_FORMATS, storageOf } from '../../quant/formats/storage.js';
import type { Room } from './component-sizes.js';

/** The column of these tables for a provider. */
export function memoryKind(provider: Provider): 'cpu' | 'gpu' | 'cuda' {
  return provider === 'cpu' || provider === 'cuda' ? provider : 'gpu';
}

/** Bytes of an activation: f16 on a GPU, f32 on the CPU. */
export const VALUE_BYTES = { cpu: 4, gpu: 2, cuda: 2 } as const;
/** Tensors [tokens, hidden] at the peak of a step, including those that the runtime keeps for the next block. */
const LIVE_TENSORS = { cpu: 20, gpu: 54, cuda: 52 } as const;
/** By heads, two at a time: [tokens, tokens] of scores and of their softmax for each. Fused attention keeps none. */
const SCORE_TENSORS = { cpu: 0, gpu: 4, cuda: 0 } as const;
/** Workspaces of cuBLAS and cuDNN and what the arena cannot use again, in a step. */
const STEP_ROOM_BYTES = { cpu: 0, gpu: 0, cuda: 0.15 * 2 ** 30 } as const;
/** CUDA's context, the kernels of its libraries, and memory between the weights. */
const CONTEXT_BYTES = { cpu: 0, gpu: 0, cuda: 0.66 * 2 ** 30 } as const;

/** What the provider takes on its device beside tensors. */
export function contextBytes(provider: Provider): number {
  return CONTEXT_BYTES[memoryKind(provider)];
}

const MIB = 2 ** 20;

/** CUDA gives memory in pages of 2 MiB; smaller pieces share one. @source seen on an H200, docs/measurements.md */
export function roomOf(provider: Provider): Room {
  return provider === 'cuda'
    ? (bytes) => (bytes > MIB ? Math.ceil(bytes / (2 * MIB)) * 2 * MIB : bytes)
    : (bytes) => bytes;
}

/** A file's own blocks have no small tensors beside them. */
const BLOCKS_OVERHEAD = 1.006;
/** int4's, the most that the pages cost. */
const MIX_ON_CUDA = 1.18;

/**
 * Bytes that resident weights take on the provider's device; a mix counts as its least economical format.
 * @param bytes by `roomOf` the provider, but for a mix
 */
export function residentBytes(bytes: number, format: ComponentFormat, provider: Provider): number {
  if (provider === 'cpu') return bytes;
  const one = isWeightFormat(format) || format === AS_FILE;
  if (provider === 'cuda') return one ? bytes : bytes * MIX_ON_CUDA;
  if (format === AS_FILE) return bytes * BLOCKS_OVERHEAD;
  const overheads = (isWeightFormat(format) ? [format] : WEIGHT_FORMATS).map(
    (each) => STORAGE_FORMATS[storageOf(each)].gpuOverhead,
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
  const values = LIVE_TENSORS[device] * tokens * hidden + SCORE_TENSORS[device] * tokens ** 2;
  return values * VALUE_BYTES[device] + STEP_ROOM_BYTES[device];
}
