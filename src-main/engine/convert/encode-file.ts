/** Encodes one task chunk by chunk, and writes each chunk's parts to their places. Synchronous, for a worker thread. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { AppError } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import { addLowRank, type LowRank } from '../lora/add-low-rank.js';
import { decodeToF32 } from '../weights/decode.js';
import { DTYPE_BYTES, type StoredValues } from '../weights/tensor-source.js';
import { CACHE_REMEDIES } from './cache-folder.js';
import { bytesBefore, chunkShape, split, type EncodeJob, type EncodeTask, type SourceDtype } from './encode-task.js';
import { encodeBf16 } from '../quant/formats/sixteen-bit.js';
import { STORAGE_FORMATS, StorageEncoder } from '../quant/formats/storage.js';
import { widenBf16, type Weights } from '../quant/formats/weights.js';
import { weightsFromBytes } from './source-weights.js';

/** Source bytes of a chunk: large for the disk, while its results fit second-level caches. */
const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * @param task a job with one of SOURCE_DTYPES
 * @param onProgress source bytes done since the last call
 * @throws AppError weights.unreadable, quant.invalid-input, disk.full, disk.failed
 */
export function encodeTask({ job, begin, end }: EncodeTask, onProgress: (bytes: number) => void): void {
  const source = openFile(job.source.file, 'r', readError);
  try {
    const target = openFile(job.target.file, 'r+', writeError);
    try {
      encodeChunks(job, begin, end, source, target, onProgress);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

function encodeChunks(
  job: EncodeJob,
  begin: number,
  end: number,
  source: number,
  target: number,
  onProgress: (bytes: number) => void,
): void {
  const elementBytes = DTYPE_BYTES[job.source.dtype];
  const encoder = new StorageEncoder(job.format, job.scaleDtype);
  const updates = readAdditions(job);
  let buffer = new Uint8Array(0);
  for (const [from, to] of split(job, begin, end, CHUNK_BYTES / elementBytes)) {
    const length = (to - from) * elementBytes;
    if (buffer.length < length) buffer = new Uint8Array(length);
    const bytes = buffer.subarray(0, length);
    readFully(job.name, job.source.file, source, bytes, job.source.byteOffset + from * elementBytes);
    const { n, k } = chunkShape(job, from, to);
    // Other dtypes are refused before.
    const weights = weightsFromBytes(job.source.dtype as SourceDtype, bytes);
    const sums = updates.length === 0 ? weights : addUpdates(job, weights, from / job.source.k, updates);
    const parts = encoder.encode(sums, n, k, job.name);
    const before = bytesBefore(job, from);
    for (const { suffix, byteOffset } of job.target.parts) {
      const part = parts.get(suffix);
      if (part === undefined) throw new Error(`Invariant violated: ${job.format} has no part ${suffix}`);
      const panels = STORAGE_FORMATS[job.format].sharedParts.includes(suffix) ? 1 : (job.panels ?? 1);
      if (panels === 1) writeFully(job, target, part, byteOffset + (before.get(suffix) ?? 0));
      else writePanels(job, target, part, byteOffset, from / job.source.k, (to - from) / job.source.k, panels);
    }
    onProgress(length);
  }
}

/** Factors of the additions to a job's weights, all rows. */
function readAdditions({ name, source }: EncodeJob): LowRank[] {
  return (source.additions ?? []).map(({ weightRow, rows, rank, factor, down, up }) => ({
    weightRow,
    down: Float64Array.from(readValues(name, down, rank * source.k)),
    up: readValues(name, up, rows * rank),
    rank,
    factor,
  }));
}

function readValues(name: string, { file, byteOffset, dtype }: StoredValues, count: number): Float32Array {
  const handle = openFile(file, 'r', readError);
  try {
    const bytes = new Uint8Array(count * DTYPE_BYTES[dtype]);
    readFully(name, file, handle, bytes, byteOffset);
    return decodeToF32(dtype, bytes);
  } finally {
    closeSync(handle);
  }
}

/** bf16 bits of whole rows from `firstRow`, updates added. */
function addUpdates(job: EncodeJob, weights: Weights, firstRow: number, updates: readonly LowRank[]): Uint16Array {
  const sums =
    weights instanceof Float32Array ? weights : widenBf16(weights, 0, weights.length, new Float32Array(weights.length));
  addLowRank(sums, firstRow, job.source.k, updates);
  return encodeBf16(sums, 1, sums.length, job.name);
}

function openFile(file: string, flags: string, wrap: (file: string, cause: unknown) => unknown): number {
  try {
    return openSync(file, flags);
  } catch (cause) {
    throw wrap(file, cause);
  }
}

function readFully(name: string, file: string, handle: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    let count: number;
    try {
      count = readSync(handle, bytes, done, bytes.length - done, position + done);
    } catch (cause) {
      throw readError(file, cause);
    }
    if (count === 0) {
      throw new AppError(
        'weights.unreadable',
        `The file ${file} ends at byte ${position + done}, but the tensor "${name}" reaches byte ${position + bytes.length} at least.`,
        { remedy: 'The file is incomplete or was changed while it was read. Download it again.' },
      );
    }
    done += count;
  }
}

function writeFully(job: EncodeJob, handle: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(handle, bytes, done, bytes.length - done, position + done);
    } catch (cause) {
      throw writeError(job.target.file, cause);
    }
  }
}

/** Writes a part whose rows are cut into stretches of columns, one after the other in the file. */
function writePanels(
  job: EncodeJob,
  handle: number,
  part: Uint8Array,
  byteOffset: number,
  firstRow: number,
  rows: number,
  panels: number,
): void {
  const rowBytes = part.length / rows;
  const width = rowBytes / panels;
  const columns = new Uint8Array(rows * width);
  for (let panel = 0; panel < panels; panel++) {
    for (let row = 0; row < rows; row++) {
      const from = row * rowBytes + panel * width;
      columns.set(part.subarray(from, from + width), row * width);
    }
    writeFully(job, handle, columns, byteOffset + (panel * job.source.n + firstRow) * width);
  }
}

function readError(file: string, cause: unknown): AppError {
  return new AppError('weights.unreadable', `The weights in ${file} could not be read: ${messageOf(cause)}.`, {
    remedy: 'Check that the file is still there and that its disk is connected.',
    retryable: true,
    cause,
  });
}

function writeError(file: string, cause: unknown): unknown {
  return diskError(cause, `write ${file}`, CACHE_REMEDIES);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
