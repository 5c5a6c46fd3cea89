/**
 * Checkpoint + format -> parameters as a session needs them. What the session can read as it lies in the checkpoint
 * stays there; everything else is encoded once into a file of the cache.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { assertNever } from '../../base/assert.js';
import type { ComputeProfile } from '../graph/network.js';
import type { OnnxType } from '../graph/onnx-schema.js';
import type { Storage, StoredPart, StoredTensor } from '../graph/stored-tensor.js';
import type { WeightFormat } from '../protocol.js';
import { encodeTensors, type EncodeJob } from '../quant/encode-pool.js';
import { planTensor, type PartPlan, type StorageTarget } from '../quant/formats/layout.js';
import { elementCount, type TensorDtype, type TensorEntry, type TensorSource } from '../weights/tensor-source.js';
import { fingerprint } from './fingerprint.js';

/** Raised whenever the layout of cached files changes, so that old ones are not read. */
const CACHE_VERSION = 1;
/** Parts begin on pages, as memory mapping wants. */
const PART_ALIGNMENT = 4096;

export interface ComponentRequest {
  /** Used in file names, such as `flux`. */
  readonly component: string;
  /** Named in messages, such as "FLUX". */
  readonly label: string;
  readonly source: TensorSource;
  /** Tensors of the checkpoint that belong to this network. */
  readonly include: (name: string) => boolean;
  /** Linears that take the format; everything else stays in 16-bit. */
  readonly quantizable: (entry: TensorEntry) => boolean;
  readonly format: WeightFormat;
  readonly profile: ComputeProfile;
  /** Whether the session runs on a GPU, which reads only its own compute dtype. */
  readonly gpu: boolean;
  /** Keeps every tensor in its source dtype (parity checks on f32 checkpoints). CPU only. */
  readonly exact?: boolean;
  readonly cacheDir: string;
  readonly workers?: number;
  readonly signal?: AbortSignal;
  /** 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

export interface PreparedComponent {
  readonly label: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Identity of the checkpoint. */
  readonly fingerprint: string;
  /** The cache file, null when everything is read in place. */
  readonly cacheFile: string | null;
}

/** Source dtypes that a CPU session reads as they are. */
const IN_PLACE: Readonly<Partial<Record<TensorDtype, OnnxType>>> = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  F8_E4M3: 'f8e4m3fn',
};

interface Planned {
  readonly entry: TensorEntry;
  /** What the encoder makes: a format, or a plain dtype. */
  readonly target: StorageTarget;
  readonly parts: readonly (PartPlan & { readonly offset: number })[];
}

/**
 * @throws AppError weights.unsupported-dtype, quant.invalid-input, disk.full, disk.failed; AbortError
 */
export async function prepareComponent(request: ComponentRequest): Promise<PreparedComponent> {
  const tensors = new Map<string, StoredTensor>();
  const planned: Planned[] = [];
  let fileSize = 0;
  for (const entry of request.source.entries.values()) {
    if (!request.include(entry.name)) continue;
    const target = targetOf(request, entry);
    if (target === 'in-place') {
      tensors.set(entry.name, inPlace(entry));
      continue;
    }
    const { n, k } = matrixShape(entry.shape);
    const parts = planTensor(target, n, k, request.profile.dtype).map((part) => {
      const offset = fileSize;
      fileSize = alignUp(offset + part.byteLength, PART_ALIGNMENT);
      return { ...part, offset };
    });
    planned.push({ entry, target, parts });
  }
  const identity = await fingerprint(request.source, request.include);
  if (planned.length === 0) return { label: request.label, tensors, fingerprint: identity, cacheFile: null };

  const file = join(request.cacheDir, cacheName(request, identity, planned));
  for (const plan of planned) tensors.set(plan.entry.name, storedTensor(plan, file));
  if ((await stat(file).catch(() => null))?.size !== fileSize) await encodeFile(request, planned, file, fileSize);
  return { label: request.label, tensors, fingerprint: identity, cacheFile: file };
}

/** The plan is part of the name, so that another keep list or profile is another file. */
function cacheName(request: ComponentRequest, identity: string, planned: readonly Planned[]): string {
  const plan = planned.map(({ entry, target }) => `${entry.name}:${target}`).join('\n');
  const digest = createHash('sha256').update(plan).digest('hex').slice(0, 8);
  return `${request.component}.${request.format}.${request.profile.dtype}.${identity}.${digest}.v${CACHE_VERSION}.weights`;
}

function targetOf(request: ComponentRequest, entry: TensorEntry): StorageTarget | 'in-place' {
  if (request.format !== '16-bit' && request.quantizable(entry)) return request.format;
  const type = IN_PLACE[entry.dtype];
  if (type === undefined) {
    throw new AppError(
      'weights.unsupported-dtype',
      `${request.label}'s tensor "${entry.name}" has dtype ${entry.dtype}, expected a float type.`,
      {
        remedy: 'Use an unquantized checkpoint (bf16, f16, f32 or plain fp8); the app quantizes it itself.',
      },
    );
  }
  if (request.gpu) return type === request.profile.dtype ? 'in-place' : request.profile.dtype;
  // A matrix stored in f32 would make "16-bit" twice as large as it says.
  const wide = entry.dtype === 'F32' && request.quantizable(entry);
  return wide && request.exact !== true ? 'bf16' : 'in-place';
}

/** Rows and columns of any tensor: the first dimension, and all others. */
function matrixShape(shape: readonly number[]): { n: number; k: number } {
  const n = shape.length < 2 ? 1 : (shape[0] as number);
  return { n, k: elementCount(shape) / n };
}

function inPlace(entry: TensorEntry): StoredTensor {
  const type = IN_PLACE[entry.dtype] as OnnxType;
  const value = { type, shape: entry.shape, file: entry.file, offset: entry.byteOffset, length: entry.byteLength };
  return { name: entry.name, shape: entry.shape, storage: { kind: 'plain', value } };
}

function storedTensor(plan: Planned, file: string): StoredTensor {
  const part = (suffix: PartPlan['suffix']): StoredPart => {
    const found = plan.parts.find((candidate) => candidate.suffix === suffix);
    if (found === undefined) throw new Error(`Invariant violated: ${plan.target} has no part ${suffix}`);
    return { type: found.onnxType, shape: found.shape, file, offset: found.offset, length: found.byteLength };
  };
  return { name: plan.entry.name, shape: plan.entry.shape, storage: storageOf(plan, part) };
}

function storageOf(plan: Planned, part: (suffix: PartPlan['suffix']) => StoredPart): Storage {
  switch (plan.target) {
    case 'int8':
    case 'int4':
    case 'fp8':
      return { kind: plan.target, codes: part('codes'), scale: part('scale') };
    case 'nf4':
      return { kind: 'nf4', codes: part('codes'), absmax: part('absmax') };
    case 'f32':
    case 'f16':
    case 'bf16':
      // Convolutions and vectors keep their own shape.
      return { kind: 'plain', value: { ...part('value'), shape: plan.entry.shape } };
    default:
      return assertNever(plan.target);
  }
}

async function encodeFile(
  request: ComponentRequest,
  planned: readonly Planned[],
  file: string,
  size: number,
): Promise<void> {
  await mkdir(request.cacheDir, { recursive: true });
  const partial = `${file}.${process.pid}.partial`;
  try {
    const handle = await open(partial, 'w');
    try {
      await handle.truncate(size);
    } finally {
      await handle.close();
    }
    const jobs = planned.map(({ entry, target, parts }): EncodeJob => {
      const { n, k } = matrixShape(entry.shape);
      return {
        name: entry.name,
        source: { file: entry.file, byteOffset: entry.byteOffset, dtype: entry.dtype, n, k },
        format: target,
        scaleDtype: request.profile.dtype,
        target: { file: partial, parts: parts.map(({ suffix, offset }) => ({ suffix, byteOffset: offset })) },
      };
    });
    await encodeTensors(jobs, {
      ...(request.workers === undefined ? {} : { workers: request.workers }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(request.onProgress === undefined ? {} : { onProgress: ({ fraction }) => request.onProgress?.(fraction) }),
    });
    const written = await open(partial, 'r+');
    try {
      await written.sync();
    } finally {
      await written.close();
    }
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw diskError(error, request);
  }
}

function diskError(error: unknown, request: ComponentRequest): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof AppError) return error;
  if (error.code === 'ENOSPC') {
    return new AppError(
      'disk.full',
      `The disk is full: ${request.label} could not be converted to ${request.format}.`,
      {
        remedy: 'Free some space, or choose another cache folder in the settings.',
        retryable: true,
        cause: error,
      },
    );
  }
  return new AppError('disk.failed', `${request.label} could not be converted: ${error.message}.`, {
    remedy: 'Check that the cache folder can be written.',
    retryable: true,
    cause: error,
  });
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
