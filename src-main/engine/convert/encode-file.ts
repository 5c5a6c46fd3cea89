/** Encodes one task chunk by chunk, and writes each chunk's parts to their places. Synchronous, for a worker thread. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { AppError } from '../../base/app-error.js';
import { diskError } from '../../base/disk-error.js';
import { RowAdditions } from '../lora/row-additions.js';
import { DTYPE_BYTES } from '../weights/tensor-source.js';
import { ValueReader } from '../weights/value-reader.js';
import { CACHE_REMEDIES } from './cache-folder.js';
import {
  bytesBefore,
  chunkShape,
  sourceRange,
  split,
  type EncodeJob,
  type EncodeTask,
  type SourceDtype,
} from './encode-task.js';
import { decodeBlocks } from '../quant/blocks/ggml-types.js';
import { encodeBf16 } from '../quant/formats/sixteen-bit.js';
import type { EncodedParts, StorageFormat } from '../quant/formats/storage-format.js';
import { STORAGE_FORMATS, StorageEncoder } from '../quant/formats/storage.js';
import { absmaxOf, widenBf16, type Weights } from '../quant/formats/weights.js';
import { weightsFromBytes } from './source-weights.js';

/** Bytes of a chunk in the source's dtype: large for the disk, while its results fit second-level caches. */
const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * @param task a job with one of SOURCE_DTYPES
 * @param onProgress bytes of weights in the source's dtype that were done since the last call
 * @throws AppError weights.unreadable, quant.invalid-input, disk.full, disk.failed
 */
export function encodeTask({ job, begin, end }: EncodeTask, onProgress: (bytes: number) => void): void {
  const source = openFile(job.source.file, 'r', readError);
  const reader = new ValueReader();
  try {
    const target = openFile(job.target.file, 'r+', writeError);
    try {
      const { additions = [], k } = job.source;
      const added = additions.length === 0 ? null : new RowAdditions(additions, k, reader);
      encodeChunks(job, begin, end, source, target, added, onProgress);
    } finally {
      closeSync(target);
    }
  } finally {
    reader.close();
    closeSync(source);
  }
}

function encodeChunks(
  job: EncodeJob,
  begin: number,
  end: number,
  source: number,
  target: number,
  added: RowAdditions | null,
  onProgress: (bytes: number) => void,
): void {
  const elementBytes = DTYPE_BYTES[job.source.dtype];
  const encoder = new StorageEncoder(job.format, job.scaleDtype);
  const reader = new SourceReader(job, source);
  const weightsOf = (from: number, to: number): Weights => {
    const weights = reader.read(from, to);
    return added === null ? weights : addRows(job, weights, from / job.source.k, added);
  };
  const chunks = [...split(job, begin, end, CHUNK_BYTES / elementBytes)];
  const { isScaledAsWhole = false }: StorageFormat = STORAGE_FORMATS[job.format];
  const absmax = isScaledAsWhole
    ? chunks.reduce((most, [from, to]) => Math.max(most, absmaxOf(weightsOf(from, to), job.name)), 0)
    : undefined;
  const encoded = (from: number, to: number): EncodedParts => {
    const { n, k } = chunkShape(job, from, to);
    return encoder.encode(weightsOf(from, to), n, k, job.name, absmax);
  };
  for (const [from, to] of chunks) {
    const parts = job.format === 'raw' ? new Map([['value', reader.bytes(from, to)]]) : encoded(from, to);
    const before = bytesBefore(job, from);
    for (const { suffix, byteOffset } of job.target.parts) {
      const part = parts.get(suffix);
      if (part === undefined) throw new Error(`Invariant violated: ${job.format} has no part ${suffix}`);
      const panels = STORAGE_FORMATS[job.format].sharedParts.includes(suffix) ? 1 : (job.panels ?? 1);
      if (panels === 1) writeFully(job, target, part, byteOffset + (before.get(suffix) ?? 0));
      else writePanels(job, target, part, byteOffset, from / job.source.k, (to - from) / job.source.k, panels);
    }
    onProgress((to - from) * elementBytes);
  }
}

/** Reads stretches of a job's weights into memory that is used again for the next. */
class SourceReader {
  readonly #job: EncodeJob;
  readonly #handle: number;
  #bytes = new Uint8Array(0);
  #values = new Float32Array(0);

  constructor(job: EncodeJob, handle: number) {
    this.#job = job;
    this.#handle = handle;
  }

  /** The bytes of weights [from, to). */
  bytes(from: number, to: number): Uint8Array {
    const { name, source } = this.#job;
    const { byteStart, byteLength } = sourceRange(source, from, to);
    if (this.#bytes.length < byteLength) this.#bytes = new Uint8Array(byteLength);
    const bytes = this.#bytes.subarray(0, byteLength);
    readFully(name, source.file, this.#handle, bytes, source.byteOffset + byteStart);
    return bytes;
  }

  /** Weights [from, to). */
  read(from: number, to: number): Weights {
    const { source } = this.#job;
    const bytes = this.bytes(from, to);
    // Other dtypes are refused before.
    if (source.blocks === undefined) return weightsFromBytes(source.dtype as SourceDtype, bytes);
    if (this.#values.length < to - from) this.#values = new Float32Array(to - from);
    const values = this.#values.subarray(0, to - from);
    decodeBlocks(source.blocks, bytes, values);
    return values;
  }
}

/** bf16 bits of whole rows from `firstRow`, LoRAs added. */
function addRows(job: EncodeJob, weights: Weights, firstRow: number, added: RowAdditions): Uint16Array {
  const sums =
    weights instanceof Float32Array ? weights : widenBf16(weights, 0, weights.length, new Float32Array(weights.length));
  added.addTo(sums, firstRow);
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
