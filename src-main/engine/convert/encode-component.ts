/**
 * Writes a component's cache file. Weights in files are encoded directly; computed ones go through a scratch file batch
 * by batch, which bounds memory and disk. The finished part of a cancelled or killed conversion is kept and continued.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAbort, throwIfAborted } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import { removeFile, renameFile } from '../../disk/patience.js';
import { encodeTensors, type EncodeJob } from './encode-pool.js';
import type { ScaleDtype } from '../quant/formats/weights.js';
import { DTYPE_BYTES } from '../weights/tensor-source.js';
import { CACHE_REMEDIES, makeCacheFolder } from './cache-folder.js';
import { ConversionJournal, leavePartial, partialFiles, takeOverPartial } from './conversion-journal.js';
import type { WeightPlace } from './encode-task.js';
import type { Encoding } from './plan-tensors.js';

/** Bytes computed before encoding starts: enough to be worth starting threads. */
const BATCH_BYTES = 512 * 2 ** 20;
/** Bytes computed at a time. */
const CHUNK_BYTES = 4 * 2 ** 20;

export interface EncodeRequest {
  /** Named in messages, such as "FLUX". */
  readonly label: string;
  /** Named in messages, such as `nf4`. */
  readonly format: string;
  readonly encodings: readonly Encoding[];
  readonly scaleDtype: ScaleDtype;
  /** Absolute path of the result; its folder is created. */
  readonly file: string;
  readonly fileSize: number;
  readonly workers?: number;
  readonly signal?: AbortSignal;
  /** 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/**
 * The file appears complete or not at all.
 * @throws AppError quant.invalid-input, weights.*, disk.full, disk.failed; AbortError
 */
export async function encodeComponent(request: EncodeRequest): Promise<void> {
  await makeCacheFolder(dirname(request.file));
  const { partial, journal: journalFile, scratch } = partialFiles(request.file, process.pid);
  try {
    const done = await takeOverPartial(request.file, request.fileSize);
    if (done.size === 0) await withFile(partial, 'w', (handle) => handle.truncate(request.fileSize));
    const journal = await ConversionJournal.open(partial, journalFile);
    try {
      await encodeAll(request, partial, scratch, done, journal);
    } finally {
      await journal.close();
    }
    await withFile(partial, 'r+', (handle) => handle.sync());
    await renameFile(partial, request.file);
    await removeFile(journalFile);
  } catch (error) {
    if (isAbort(error)) await leavePartial(request.file);
    else await Promise.all([partial, journalFile].map(removeFile));
    throw diskError(error, `convert ${request.label} to ${request.format}`, CACHE_REMEDIES);
  } finally {
    await removeFile(scratch);
  }
}

async function encodeAll(
  request: EncodeRequest,
  target: string,
  scratch: string,
  finished: ReadonlySet<string>,
  journal: ConversionJournal,
): Promise<void> {
  const inFiles: EncodeJob[] = [];
  const computed: Computed[] = [];
  for (const encoding of request.encodings) {
    if (finished.has(encoding.name)) continue;
    const { from } = encoding.source;
    if (from.kind === 'computed') computed.push({ encoding, read: from.read });
    else inFiles.push(job(request, encoding, from, target));
  }
  const total = workBytes(request.encodings);
  let done = workBytes(request.encodings.filter(({ name }) => finished.has(name)));
  const report = (bytes: number): void => request.onProgress?.(Math.min(1, (done + bytes) / Math.max(1, total)));
  const encode = async (jobs: readonly EncodeJob[]): Promise<void> => {
    const bytes = jobs.reduce((sum, { source }) => sum + source.n * source.k * DTYPE_BYTES[source.dtype], 0);
    await encodeTensors(jobs, {
      ...(request.workers === undefined ? {} : { workers: request.workers }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      onProgress: ({ doneBytes }) => report(doneBytes),
      onDone: ({ name }) => journal.add(name),
    });
    done += bytes;
  };

  if (inFiles.length > 0) await encode(inFiles);
  for (const batch of batches(computed)) {
    let size = 0;
    const jobs: EncodeJob[] = [];
    await withFile(scratch, 'w', async (handle) => {
      for (const { encoding, read } of batch) {
        jobs.push(job(request, encoding, { file: scratch, byteOffset: size }, target));
        const length = byteLengthOf(encoding);
        for (let start = 0; start < length; start += CHUNK_BYTES) {
          throwIfAborted(request.signal);
          const bytes = await read(start, Math.min(CHUNK_BYTES, length - start));
          await handle.writeFile(bytes);
          report(start + bytes.byteLength);
        }
        done += length;
        size += length;
      }
    });
    await encode(jobs);
  }
}

/** Bytes to read; computed ones count twice, since they are made and then encoded. */
export function workBytes(encodings: readonly Encoding[]): number {
  return encodings.reduce(
    (sum, encoding) => sum + byteLengthOf(encoding) * (encoding.source.from.kind === 'computed' ? 2 : 1),
    0,
  );
}

interface Computed {
  readonly encoding: Encoding;
  readonly read: (byteStart: number, byteLength: number) => Promise<Uint8Array>;
}

function* batches(computed: readonly Computed[]): Generator<Computed[]> {
  let batch: Computed[] = [];
  let bytes = 0;
  for (const item of computed) {
    batch.push(item);
    bytes += byteLengthOf(item.encoding);
    if (bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function byteLengthOf({ n, k, source }: Encoding): number {
  return n * k * DTYPE_BYTES[source.dtype];
}

function job(
  request: EncodeRequest,
  { name, source, n, k, target, parts, panels }: Encoding,
  { file, byteOffset, blocks, additions }: WeightPlace,
  targetFile: string,
): EncodeJob {
  return {
    name,
    source: {
      file,
      byteOffset,
      dtype: source.dtype,
      n,
      k,
      ...(blocks === undefined ? {} : { blocks }),
      ...(additions === undefined ? {} : { additions }),
    },
    format: target,
    panels,
    scaleDtype: request.scaleDtype,
    target: { file: targetFile, parts: parts.map(({ suffix, byteOffset: at }) => ({ suffix, byteOffset: at })) },
  };
}

async function withFile(path: string, flags: string, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(path, flags);
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}
