/**
 * The received ranges of a file, beside its `.incomplete` file. It claims only bytes that are on the disk: data is
 * flushed first, then the journal is replaced. After a kill the download is either resumed or discarded.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { removeFile, renameFile } from '../disk/patience.js';

/** Bytes [start, start + length) of the file, of which the first `done` have arrived. */
export interface Segment {
  readonly start: number;
  readonly length: number;
  done: number;
}

export interface Journal {
  readonly etag: string | null;
  readonly sizeBytes: number;
  /** Commit of the bytes; null for files from elsewhere. */
  readonly commit: string | null;
  readonly segments: Segment[];
}

const MAX_SEGMENTS = 100_000;
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const schema = z.strictObject({
  formatVersion: z.literal(1),
  etag: z.string().nullable(),
  sizeBytes: count,
  commit: z.string().nullable(),
  segments: z.array(z.strictObject({ start: count, length: count, done: count })).max(MAX_SEGMENTS),
});

export function incompletePath(target: string): string {
  return `${target}.incomplete`;
}

function journalPath(target: string): string {
  return `${target}.incomplete.json`;
}

/** Segments of equal length that cover the file. */
export function newJournal(remote: Pick<Journal, 'etag' | 'sizeBytes' | 'commit'>, segmentBytes: number): Journal {
  const { etag, sizeBytes, commit } = remote;
  const length = Math.max(segmentBytes, Math.ceil(sizeBytes / MAX_SEGMENTS));
  const segments: Segment[] = [];
  for (let start = 0; start < sizeBytes; start += length) {
    segments.push({ start, length: Math.min(length, sizeBytes - start), done: 0 });
  }
  return { etag, sizeBytes, commit, segments };
}

export function receivedBytes({ segments }: Journal): number {
  return segments.reduce((sum, { done }) => sum + done, 0);
}

/** The journal of an unfinished download; null when there is none or it is not valid. */
export async function readJournal(target: string): Promise<Journal | null> {
  const text = await readFile(journalPath(target), 'utf8').catch(() => null);
  const size = await stat(incompletePath(target)).then(
    (info) => info.size,
    () => null,
  );
  if (text === null || size === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Cut short by a failing disk: the download starts from the beginning.
    return null;
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success || parsed.data.sizeBytes !== size || !covers(parsed.data.segments, size)) return null;
  const { etag, sizeBytes, commit, segments } = parsed.data;
  return { etag, sizeBytes, commit, segments };
}

function covers(segments: readonly Segment[], sizeBytes: number): boolean {
  let end = 0;
  for (const { start, length, done } of segments) {
    if (start !== end || length === 0 || done > length) return false;
    end += length;
  }
  return end === sizeBytes;
}

/** Replaces the journal atomically; the data that it claims must be on the disk already. */
export async function writeJournal(target: string, journal: Journal): Promise<void> {
  const temporary = `${journalPath(target)}.tmp`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(JSON.stringify({ formatVersion: 1, ...journal }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await renameFile(temporary, journalPath(target));
}

export async function removeJournal(target: string): Promise<void> {
  await removeFile(journalPath(target));
  await removeFile(`${journalPath(target)}.tmp`);
}

export async function discardDownload(target: string): Promise<void> {
  await removeJournal(target);
  await removeFile(incompletePath(target));
}
