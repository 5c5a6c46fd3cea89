/** Checkpoint + format -> parameters for a session: read from the checkpoint, or encoded once into a cache file. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { StoredTensor } from '../graph/stored-tensor.js';
import { driveOf } from '../../disk/paths.js';
import { encodeComponent } from './encode-component.js';
import { fingerprint } from './fingerprint.js';
import { planTensors, type Encoding, type PlanRequest, type TensorPlan } from './plan-tensors.js';

/** Raised when the layout or the values of cache files change. */
const CACHE_VERSION = 2;

export interface ComponentRequest extends Omit<PlanRequest, 'readsInPlace'> {
  /** Default: files on the drive of the cache folder. */
  readonly readsInPlace?: PlanRequest['readsInPlace'];
  /** Used in file names, such as `flux`. */
  readonly component: string;
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

/** The cache file of a component, and whether it exists. */
export interface PreparationPlan {
  readonly fingerprint: string;
  /** Null when everything is read in place. */
  readonly file: string | null;
  readonly fileSize: number;
  /** All contents of the file. */
  readonly encodings: readonly Encoding[];
  readonly isThere: boolean;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Reads headers and samples of the weights; writes nothing. @throws AppError weights.* */
export async function planPreparation(request: ComponentRequest): Promise<PreparationPlan> {
  const cacheDrive = driveOf(resolve(request.cacheDir));
  const plan = planTensors({ readsInPlace: (file) => driveOf(file) === cacheDrive, ...request });
  const identity = await fingerprint(request.source, request.include);
  const encoded = plan.tensors.filter(({ encodings }) => encodings.length > 0);
  const file = join(request.cacheDir, cacheName(request, identity, encoded));
  const tensors = new Map(
    plan.tensors.map((tensor) => {
      const stored = tensor.stored(file);
      return [stored.name, stored] as const;
    }),
  );
  const inPlace = encoded.length === 0;
  return {
    fingerprint: identity,
    file: inPlace ? null : file,
    fileSize: plan.fileSize,
    encodings: encoded.flatMap(({ encodings }) => encodings),
    isThere: inPlace || (await stat(file).catch(() => null))?.size === plan.fileSize,
    tensors,
  };
}

/** @throws AppError weights.*, quant.invalid-input, disk.full, disk.failed; AbortError */
export async function prepareComponent(request: ComponentRequest): Promise<PreparedComponent> {
  const plan = await planPreparation(request);
  if (plan.file !== null && !plan.isThere) {
    await encodeComponent({
      label: request.label,
      format: request.format,
      encodings: plan.encodings,
      scaleDtype: request.profile.dtype,
      file: plan.file,
      fileSize: plan.fileSize,
      ...(request.workers === undefined ? {} : { workers: request.workers }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
    });
  }
  return { label: request.label, tensors: plan.tensors, fingerprint: plan.fingerprint, cacheFile: plan.file };
}

/** The name contains a digest of the plan, so another keep list or profile is another file. */
function cacheName(request: ComponentRequest, identity: string, encoded: readonly TensorPlan[]): string {
  const plan = encoded.map(({ signature }) => signature).join('\n');
  const digest = createHash('sha256').update(plan).digest('hex').slice(0, 8);
  const format = request.mix === undefined ? request.format : 'mix';
  const merged = [...request.source.entries.values()].some(
    ({ name, origin }) => origin?.kind === 'merged' && request.include(name),
  );
  return [
    request.component,
    merged ? `${format}+lora` : format,
    request.profile.dtype,
    identity,
    digest,
    `v${CACHE_VERSION}`,
    'weights',
  ].join('.');
}
