/** Asks a server about a file before downloading it: size, hash, revision, and whether ranges are served. */
import { downloadError } from './download-error.js';
import type { Checksum } from './checksum.js';
import { rangedGet, type RangedRequest } from './ranged-get.js';

export interface RemoteFile {
  readonly sizeBytes: number;
  /** Identity of the content; null when the server gives none. */
  readonly etag: string | null;
  /** Null when the etag is not a hash of the content. */
  readonly checksum: Checksum | null;
  /** Commit of the repository; null for files from elsewhere. */
  readonly commit: string | null;
  readonly ranges: boolean;
}

/** @throws AppError download.failed; AbortError */
export async function askRemoteFile(request: Omit<RangedRequest, 'range' | 'headersOnly'>): Promise<RemoteFile> {
  const answer = await rangedGet({ ...request, range: [0, 0], headersOnly: true });
  answer.cancel();
  const { headers, last, status } = answer;
  const etag = cleanEtag(headers.get('x-linked-etag') ?? headers.get('etag'));
  return {
    sizeBytes: sizeOf(request.what, status, headers, last),
    etag,
    checksum: checksumOf(etag),
    commit: commitOf(headers.get('x-repo-commit')),
    // The hub's storage, to which it redirects, serves ranges.
    ranges: status === 206 || status === 416 || (status >= 300 && status < 400),
  };
}

function sizeOf(what: string, status: number, headers: Headers, last: Headers): number {
  const text =
    headers.get('x-linked-size') ??
    /\/(\d+)$/.exec(last.get('content-range') ?? '')?.[1] ??
    (status === 200 ? last.get('content-length') : null);
  const size = text === null || !/^\d+$/.test(text) ? Number.NaN : Number(text);
  if (Number.isSafeInteger(size)) return size;
  throw downloadError('bad-answer', `The server does not say how large ${what} is.`, {
    remedy: 'Check the address of the hub (HF_ENDPOINT); there may be a proxy in between.',
  });
}

/** Without quotes and the prefix of weak etags. */
function cleanEtag(etag: string | null): string | null {
  const clean = etag?.replace(/^W\//, '').replace(/^"|"$/g, '') ?? '';
  return clean === '' ? null : clean;
}

/**
 * The hub's etags are hashes: sha-256 of files in LFS or Xet, git's blob id (sha-1) of small ones.
 * @source huggingface_hub file_download.py, `get_hf_file_metadata`
 */
function checksumOf(etag: string | null): Checksum | null {
  if (etag === null) return null;
  if (/^[0-9a-f]{64}$/.test(etag)) return { kind: 'sha256', hex: etag };
  return /^[0-9a-f]{40}$/.test(etag) ? { kind: 'git-blob', hex: etag } : null;
}

function commitOf(value: string | null): string | null {
  return value !== null && /^[0-9a-f]{40}$/.test(value) ? value : null;
}
