/**
 * Encodes a checkpoint's tensors in worker threads, from file to file. Owns the workers and divides the work among them.
 *
 * Memory does not grow with the checkpoint: a worker holds one chunk (4 MiB of source, or one row if that is longer,
 * at most MAX_ROW_WEIGHTS), its f32 form where the source is f16 or in blocks, its encoded parts and a table of 8 MiB:
 * up to 25 MiB, or 64 MiB for the longest rows, beside about 15 MiB for the thread itself. With MAX_WORKERS that is
 * under 1.3 GB. A LoRA of rank r adds its right factor to that, 8 · r · k bytes: 2 MiB at rank 16 in FLUX's widest layer.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { abortError, AppError, throwIfAborted } from '../../base/app-error.js';
import { entryFile } from '../../base/entry-file.js';
import { DTYPE_BYTES } from '../weights/tensor-source.js';
import {
  isOneTask,
  SOURCE_DTYPES,
  split,
  unitOf,
  type EncodeJob,
  type EncodeTask,
  type FromEncodeWorker,
} from './encode-task.js';

export type { EncodeJob } from './encode-task.js';

/** More threads than this wait for the disk. */
export const MAX_WORKERS = 16;
/** Source bytes of a task: under half a second in any format, so that workers finish together. */
const TASK_BYTES = 32 * 2 ** 20;
/** Longest row; FLUX has 15,360 columns. Bounds memory for hostile headers. */
const MAX_ROW_WEIGHTS = 4 * 2 ** 20;

export interface EncodeProgress {
  /** Bytes of weights, in their source's dtype (f32 for blocks), encoded and written. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** doneBytes / totalBytes; 1 when there is nothing to do. */
  readonly fraction: number;
}

export interface EncodeOptions {
  /** Threads; default one per core, at most 16. */
  readonly workers?: number;
  /** Stops all workers; parts of the target files may be written. */
  readonly signal?: AbortSignal;
  /** Called after every chunk of 4 MiB. */
  readonly onProgress?: (progress: EncodeProgress) => void;
  /** Called when every part of a job is written. */
  readonly onDone?: (job: EncodeJob) => void;
}

/**
 * Writes every job's parts into its target file, which must exist.
 * @throws AppError quant.invalid-input (NaN, infinity, values beyond f16, rows too long), weights.unsupported-dtype,
 * weights.unreadable, disk.full, disk.failed; AbortError when the signal is aborted
 */
export async function encodeTensors(jobs: readonly EncodeJob[], options: EncodeOptions = {}): Promise<void> {
  const { signal, onProgress } = options;
  throwIfAborted(signal);
  for (const job of jobs) checkJob(job);

  const totalBytes = jobs.reduce((sum, job) => sum + sourceBytes(job), 0);
  let doneBytes = 0;
  const advance = (bytes: number): void => {
    doneBytes += bytes;
    onProgress?.({ doneBytes, totalBytes, fraction: totalBytes === 0 ? 1 : doneBytes / totalBytes });
  };
  const tasks = tasksOf(jobs);
  const finish = countdown(jobs, options.onDone);
  const count = Math.min(
    options.workers ?? availableParallelism(),
    MAX_WORKERS,
    Math.ceil(totalBytes / TASK_BYTES) + jobs.length,
  );
  const workers = Array.from({ length: Math.max(1, count) }, () => new Worker(entryFile('encode-worker')));
  const abort = abortion(signal);
  try {
    await Promise.race([abort.promise, Promise.all(workers.map((worker) => drive(worker, tasks, advance, finish)))]);
  } finally {
    abort.stop();
    // Interrupts workers in the middle of a chunk and closes their files.
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function checkJob(job: EncodeJob): void {
  const { dtype, n, k } = job.source;
  if (job.format !== 'raw' && !SOURCE_DTYPES.some((known) => known === dtype)) {
    throw new AppError(
      'weights.unsupported-dtype',
      `The tensor "${job.name}" has dtype ${dtype}, expected ${SOURCE_DTYPES.join(', ')}.`,
      { remedy: 'Use an unquantized checkpoint; the app quantizes it itself.', details: { tensor: job.name } },
    );
  }
  if (unitOf(job) > MAX_ROW_WEIGHTS) {
    throw new AppError(
      'quant.invalid-input',
      `The tensor "${job.name}" has shape [${n}, ${k}], but rows of ${job.format} have at most ${MAX_ROW_WEIGHTS} weights.`,
      { remedy: 'The file is damaged or of another model. Download it again.', details: { tensor: job.name } },
    );
  }
}

function sourceBytes({ source }: EncodeJob): number {
  return source.n * source.k * DTYPE_BYTES[source.dtype];
}

function* tasksOf(jobs: readonly EncodeJob[]): Generator<EncodeTask, undefined> {
  for (const job of jobs) {
    const weights = isOneTask(job) ? Infinity : TASK_BYTES / DTYPE_BYTES[job.source.dtype];
    for (const [begin, end] of split(job, 0, job.source.n * job.source.k, weights)) yield { job, begin, end };
  }
}

/** Calls `onDone` when the last task of a job is done. */
function countdown(
  jobs: readonly EncodeJob[],
  onDone: ((job: EncodeJob) => void) | undefined,
): (task: EncodeTask) => void {
  if (onDone === undefined) return () => undefined;
  const open = new Map<EncodeJob, number>();
  for (const { job } of tasksOf(jobs)) open.set(job, (open.get(job) ?? 0) + 1);
  return ({ job }) => {
    const left = (open.get(job) ?? 0) - 1;
    open.set(job, left);
    if (left === 0) onDone(job);
  };
}

/** A promise that rejects when the signal is aborted; `stop` removes its listener. */
function abortion(signal: AbortSignal | undefined): { readonly promise: Promise<never>; readonly stop: () => void } {
  let listener = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    listener = () => reject(abortError());
    signal?.addEventListener('abort', listener, { once: true });
  });
  return { promise, stop: () => signal?.removeEventListener('abort', listener) };
}

/** Sends tasks to one worker until none is left. */
function drive(
  worker: Worker,
  tasks: Iterator<EncodeTask, undefined>,
  advance: (bytes: number) => void,
  finish: (task: EncodeTask) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let task: EncodeTask | undefined;
    const next = (): void => {
      task = tasks.next().value;
      if (task === undefined) resolve();
      else worker.postMessage(task);
    };
    worker.on('message', (message: FromEncodeWorker) => {
      try {
        if (message.type === 'progress') advance(message.bytes);
        else if (message.type === 'done') {
          if (task !== undefined) finish(task);
          next();
        } else reject(AppError.fromDto(message.error));
      } catch (error) {
        reject(error as Error);
      }
    });
    worker.on('error', (cause) => reject(new Error(`The encode worker failed: ${cause.message}`, { cause })));
    worker.on('exit', (code) => reject(new Error(`The encode worker ended with code ${code}.`)));
    next();
  });
}
