/**
 * Downloads one file: several ranges at a time into `TARGET.incomplete`, resumable after any interruption. The file is
 * renamed to its target only after its hash was checked.
 *
 *   begun -> (ranges arrive, journal follows) -> whole -> hash checked -> renamed
 *     ^                                            |
 *     +------------- hash differs, once -----------+
 */
import { mkdir, open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAbort, throwIfAborted } from '../base/app-error.js';
import { hashFile, type Checksum } from './checksum.js';
import { renameFile } from '../disk/patience.js';
import { diskError } from '../base/disk-error.js';
import { DISK_REMEDIES, downloadError, reasonOf } from './download-error.js';
import {
  discardDownload,
  incompletePath,
  newJournal,
  readJournal,
  receivedBytes,
  removeJournal,
  writeJournal,
  type Journal,
  type Segment,
} from './journal.js';
import { rangedGet, type RangedRequest } from './ranged-get.js';
import type { RemoteFile } from './remote-file.js';
import { withRetry, type RetryOptions } from './retry.js';

export interface FetchFileOptions {
  readonly connections: number;
  readonly segmentBytes: number;
  /** Milliseconds between flushes of received data. */
  readonly journalMs: number;
  readonly retry: Omit<RetryOptions, 'signal'>;
  readonly signal: AbortSignal;
  /** Received bytes; negative for bytes that must be fetched again. */
  readonly onBytes: (bytes: number) => void;
  /** The file is complete and its hash is being checked. */
  readonly onVerify: () => void;
}

export interface FileToFetch {
  readonly request: Omit<RangedRequest, 'range' | 'headersOnly' | 'signal'>;
  /** Absolute path; its folder is created. */
  readonly target: string;
  readonly remote: RemoteFile;
  /** Expected hash of the content; null when unknown. */
  readonly checksum: Checksum | null;
}

/** @throws AppError download.failed, disk.full, disk.failed; AbortError, after received data was flushed */
export async function fetchFile(file: FileToFetch, options: FetchFileOptions): Promise<void> {
  try {
    await mkdir(dirname(file.target), { recursive: true });
    await fetchAndCheck(file, options);
  } catch (error) {
    throw diskError(error, `write ${file.target}`, DISK_REMEDIES);
  }
}

async function fetchAndCheck(file: FileToFetch, options: FetchFileOptions): Promise<void> {
  const { target, checksum } = file;
  for (let attempt = 1; ; attempt++) {
    await fetchAll(file, options);
    options.onVerify();
    const found = checksum === null ? null : await hashFile(incompletePath(target), checksum.kind, options.signal);
    if (checksum === null || found === checksum.hex) break;
    await discardDownload(target);
    options.onBytes(-file.remote.sizeBytes);
    if (attempt === 2) {
      throw downloadError('checksum', `${file.request.what} arrived twice with a wrong hash.`, {
        remedy:
          'Something between this computer and the server changes files, or the server’s file is damaged. Try another network.',
        details: { expected: checksum.hex, found },
      });
    }
  }
  await renameFile(incompletePath(target), target);
  await syncFolder(dirname(target));
  await removeJournal(target);
}

/** Fetches all missing segments. */
async function fetchAll(file: FileToFetch, options: FetchFileOptions): Promise<void> {
  const { target, remote } = file;
  let journal = await readJournal(target);
  if (journal === null || journal.etag !== remote.etag || journal.sizeBytes !== remote.sizeBytes) {
    await discardDownload(target);
    journal = newJournal(remote, remote.ranges ? options.segmentBytes : Math.max(1, remote.sizeBytes));
    const handle = await open(incompletePath(target), 'w');
    try {
      await handle.truncate(remote.sizeBytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await writeJournal(target, journal);
  }
  options.onBytes(receivedBytes(journal));
  const handle = await open(incompletePath(target), 'r+');
  try {
    await fetchSegments(file, options, journal, handle);
  } finally {
    await handle.close();
  }
}

async function fetchSegments(
  file: FileToFetch,
  options: FetchFileOptions,
  journal: Journal,
  handle: FileHandle,
): Promise<void> {
  const keeper = new JournalKeeper(file.target, journal, handle, options.journalMs);
  // One failing connection ends the others.
  const controller = new AbortController();
  const stop = () => controller.abort();
  options.signal.addEventListener('abort', stop, { once: true });
  const waiting = journal.segments.filter(({ done, length }) => done < length);
  const work = async () => {
    for (let segment = waiting.shift(); segment !== undefined; segment = waiting.shift()) {
      await fetchSegment(file, options, segment, handle, keeper, controller.signal);
    }
  };
  try {
    throwIfAborted(options.signal);
    const connections = Math.min(waiting.length, file.remote.ranges ? options.connections : 1);
    const working = Array.from({ length: connections }, () =>
      work().catch((error: unknown) => {
        stop();
        throw error;
      }),
    );
    const results = await Promise.allSettled(working);
    throwIfAborted(options.signal);
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    // The failure that stopped the others, not their cancellations.
    if (failures.length > 0) throw failures.find((failure) => !isAbort(failure)) ?? failures[0];
  } finally {
    options.signal.removeEventListener('abort', stop);
    await keeper.save();
  }
}

async function fetchSegment(
  file: FileToFetch,
  options: FetchFileOptions,
  segment: Segment,
  handle: FileHandle,
  keeper: JournalKeeper,
  signal: AbortSignal,
): Promise<void> {
  const { request, remote } = file;
  await withRetry({ ...options.retry, signal }, async (progress) => {
    if (!remote.ranges && segment.done > 0) {
      options.onBytes(-segment.done);
      segment.done = 0;
    }
    const first = segment.start + segment.done;
    const last = segment.start + segment.length - 1;
    const answer = await rangedGet({ ...request, range: [first, last], signal });
    try {
      checkAnswer(file, answer.status, answer.last, first);
      for await (const chunk of answer.body) {
        const wanted = chunk.subarray(0, segment.length - segment.done);
        await writeAt(handle, wanted, segment.start + segment.done);
        segment.done += wanted.byteLength;
        options.onBytes(wanted.byteLength);
        if (wanted.byteLength > 0) progress();
        await keeper.saveIfDue();
        if (segment.done === segment.length) break;
      }
    } finally {
      answer.cancel();
    }
    if (segment.done < segment.length) {
      throw downloadError(
        'cut',
        `The connection for ${request.what} ended ${segment.length - segment.done} bytes early.`,
        { remedy: 'Check the network, then resume the download.', retryable: true },
      );
    }
  });
}

/** Checks that the answer is the requested range of the expected file. */
function checkAnswer(file: FileToFetch, status: number, last: Headers, first: number): void {
  const { request, remote } = file;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(last.get('content-range') ?? '');
  const asked =
    range !== null && Number(range[1]) === first && [String(remote.sizeBytes), '*'].includes(range[2] ?? '');
  if (status === 206 && asked) return;
  if (status === 200 && first === 0 && Number(last.get('content-length')) === remote.sizeBytes) return;
  if (status === 416 || status === 206) {
    throw downloadError('changed', `${request.what} is no longer the file that this download began with (${status}).`, {
      remedy: 'Start the download again; the file on the server was replaced.',
      details: { status },
    });
  }
  throw downloadError('bad-answer', `The server sent all of ${request.what} instead of the requested part.`, {
    remedy: 'A proxy in between may not support ranges. Try another network.',
    details: { status },
  });
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written, position + written);
    written += bytesWritten;
  }
}

/** Flushes the data and then writes the journal, at intervals. */
class JournalKeeper {
  readonly #target: string;
  readonly #journal: Journal;
  readonly #handle: FileHandle;
  readonly #everyMs: number;
  #savedAtMs = Date.now();
  #saving: Promise<void> = Promise.resolve();

  constructor(target: string, journal: Journal, handle: FileHandle, everyMs: number) {
    this.#target = target;
    this.#journal = journal;
    this.#handle = handle;
    this.#everyMs = everyMs;
  }

  async saveIfDue(): Promise<void> {
    if (Date.now() - this.#savedAtMs < this.#everyMs) return;
    this.#savedAtMs = Date.now();
    await this.save();
  }

  save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      // Copied before the flush: bytes that arrive meanwhile are not claimed.
      const claimed = { ...this.#journal, segments: this.#journal.segments.map((segment) => ({ ...segment })) };
      await this.#handle.datasync();
      await writeJournal(this.#target, claimed);
    });
    return this.#saving;
  }
}

/** Makes a rename durable; Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether the file exists with this size. Only complete, checked files have their final name. */
export async function isFetched(target: string, sizeBytes: number): Promise<boolean> {
  const size = await stat(target).then(
    (info) => info.size,
    () => null,
  );
  return size === sizeBytes;
}

/** Whether to restart the download of a file because the server replaced it. */
export function wasReplaced(error: unknown): boolean {
  return reasonOf(error) === 'changed';
}
