/**
 * Downloads a pack: checks licences, asks the servers about each file, checks the free space, then downloads file by
 * file. Complete files stay, so calling again resumes; aborting pauses.
 */
import { join } from 'node:path';
import { AppError, throwIfAborted } from '../base/app-error.js';
import { defined } from '../base/assert.js';
import type { Checksum } from './checksum.js';
import { downloadError } from './download-error.js';
import { fetchFile, isFetched, wasReplaced, type FetchFileOptions, type FileToFetch } from './fetch-file.js';
import { checkSpace, freeBytes } from './free-space.js';
import type { HubSettings } from './hub-settings.js';
import { discardDownload, readJournal, receivedBytes } from './journal.js';
import { withLock } from './lock.js';
import { filesOf, licencesOf, type DownloadManifest, type ManifestFile } from './manifest.js';
import { askRemoteFile, type RemoteFile } from './remote-file.js';
import { withRetry } from './retry.js';
import { TransferRate } from './transfer-rate.js';

export interface DownloadProgress {
  readonly phase: 'ask' | 'download' | 'verify';
  /** Path in the pack of the current file. */
  readonly file: string;
  readonly receivedBytes: number;
  /** Of all files; 0 until every server has answered. */
  readonly totalBytes: number;
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
}

export interface DownloadRequest {
  readonly manifest: DownloadManifest;
  readonly variants: readonly string[];
  /** Folder of the pack; created. */
  readonly folder: string;
  readonly hub: HubSettings;
  readonly token: string | null;
  /** Ids of the licences that the person has accepted. */
  readonly acceptedLicences: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly tuning?: Partial<DownloadTuning>;
}

/** Options that tests change; the defaults suit a home connection and the hub. */
export interface DownloadTuning {
  readonly connections: number;
  readonly segmentBytes: number;
  readonly journalMs: number;
  readonly stallMs: number;
  readonly attempts: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  readonly fetch: typeof fetch;
  readonly freeBytes: (folder: string) => Promise<number>;
}

const DEFAULTS: DownloadTuning = {
  connections: 4,
  segmentBytes: 64 * 2 ** 20,
  journalMs: 2000,
  stallMs: 30_000,
  attempts: 6,
  firstPauseMs: 1000,
  maxPauseMs: 30_000,
  fetch: globalThis.fetch,
  freeBytes,
};

/** Between progress reports. */
const PROGRESS_MS = 100;

interface Asked {
  readonly file: ManifestFile;
  readonly target: string;
  readonly request: FileToFetch['request'];
  readonly remote: RemoteFile;
  readonly checksum: Checksum | null;
}

/**
 * @returns absolute paths of all files, in the manifest's order
 * @throws AppError download.failed, disk.full, disk.failed, pack.incomplete when a licence is not accepted; AbortError
 */
export async function downloadPack(request: DownloadRequest): Promise<string[]> {
  const files = filesOf(request.manifest, request.variants);
  checkLicences(request, files);
  if (request.hub.offline) {
    throw downloadError('offline', 'HF_HUB_OFFLINE is set, so nothing is downloaded.', {
      remedy: 'Unset HF_HUB_OFFLINE to download.',
    });
  }
  const tuning = { ...DEFAULTS, ...request.tuning };
  return withLock(request.folder, async () => {
    const reporter = new Reporter(request.onProgress);
    const asked = await askAll(request, tuning, files, reporter);
    let missing = 0;
    let total = 0;
    for (const { target, remote } of asked) {
      total += remote.sizeBytes;
      if (await isFetched(target, remote.sizeBytes)) reporter.present(remote.sizeBytes);
      else missing += remote.sizeBytes - (await alreadyReceived(target, remote));
    }
    checkSpace(request.folder, missing, await tuning.freeBytes(request.folder));
    reporter.begin(total);
    for (const one of asked) await fetchOne(request, tuning, one, reporter);
    return asked.map(({ target }) => target);
  });
}

function checkLicences({ manifest, acceptedLicences }: DownloadRequest, files: readonly ManifestFile[]): void {
  const open = licencesOf(manifest, files).filter(({ id }) => !acceptedLicences.includes(id));
  if (open.length === 0) return;
  throw new AppError(
    'pack.incomplete',
    `These licences are not accepted yet: ${open.map(({ name }) => name).join('; ')}.`,
    {
      remedy: 'Read them and accept them; nothing is downloaded before.',
      details: { licences: open.map(({ id }) => id).join(' ') },
    },
  );
}

/** Asks about every file before any download, so that a refusal or a full disk shows at once and not after 20 GB. */
async function askAll(
  request: DownloadRequest,
  tuning: DownloadTuning,
  files: readonly ManifestFile[],
  reporter: Reporter,
): Promise<Asked[]> {
  const commits = new Map<string, string>();
  const asked: Asked[] = [];
  for (const file of files) {
    throwIfAborted(request.signal);
    reporter.show('ask', file.target);
    const target = join(request.folder, ...file.target.split('/'));
    const begun = (await readJournal(target))?.commit ?? null;
    const one = await ask(request, tuning, file, target, commits.get(file.source) ?? begun);
    if (one.remote.commit !== null && !commits.has(file.source)) commits.set(file.source, one.remote.commit);
    asked.push(one);
  }
  return asked;
}

/** @param commit revision of the source's other files or of an earlier part of this one */
async function ask(
  request: DownloadRequest,
  tuning: DownloadTuning,
  file: ManifestFile,
  target: string,
  commit: string | null,
): Promise<Asked> {
  const locate = (revision: string | null) => locateFile(request, tuning, file, revision);
  const remote = await withRetry({ ...tuning, signal: request.signal }, () =>
    askRemoteFile({ ...locate(commit), signal: request.signal }),
  );
  const known: Checksum | null = file.sha256 === null ? null : { kind: 'sha256', hex: file.sha256 };
  // Only the hub's etags are hashes; GitHub's look like them.
  const isHub = request.manifest.sources[file.source]?.kind === 'hub';
  const said = isHub ? remote.checksum : null;
  const contradicts =
    (file.exact && file.bytes !== remote.sizeBytes) ||
    (known !== null && said?.kind === 'sha256' && said.hex !== known.hex);
  if (contradicts) {
    throw downloadError('changed', `${file.path} is not the file on the server that this app knows.`, {
      remedy: 'It was replaced by its authors. Look for an update of the app, or import the files that you have.',
      details: { expectedBytes: file.bytes, foundBytes: remote.sizeBytes },
    });
  }
  return { file, target, request: locate(remote.commit ?? commit), remote, checksum: known ?? said };
}

function locateFile(
  { manifest, hub, token }: DownloadRequest,
  tuning: DownloadTuning,
  file: ManifestFile,
  commit: string | null,
): FileToFetch['request'] {
  const source = defined(manifest.sources[file.source], `source ${file.source}`);
  const shared = { stallMs: tuning.stallMs, fetch: tuning.fetch };
  if (source.kind === 'url') {
    return { ...shared, url: new URL(file.path, source.base).href, what: file.path, page: null, token: null };
  }
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const revision = encodeURIComponent(commit ?? source.revision);
  return {
    ...shared,
    url: `${hub.endpoint}/${source.repository}/resolve/${revision}/${path}`,
    what: `${source.repository}/${file.path}`,
    page: `${hub.endpoint}/${source.repository}`,
    token,
  };
}

async function alreadyReceived(target: string, remote: RemoteFile): Promise<number> {
  const journal = await readJournal(target);
  const same = journal !== null && journal.etag === remote.etag && journal.sizeBytes === remote.sizeBytes;
  return same ? receivedBytes(journal) : 0;
}

async function fetchOne(
  request: DownloadRequest,
  tuning: DownloadTuning,
  first: Asked,
  reporter: Reporter,
): Promise<void> {
  const options: FetchFileOptions = {
    connections: tuning.connections,
    segmentBytes: tuning.segmentBytes,
    journalMs: tuning.journalMs,
    retry: tuning,
    signal: request.signal,
    onBytes: (bytes) => reporter.add(first.file.target, bytes),
    onVerify: () => reporter.show('verify', first.file.target),
  };
  if (await isFetched(first.target, first.remote.sizeBytes)) {
    // Left when a process was killed after the renaming.
    await discardDownload(first.target);
    return;
  }
  throwIfAborted(request.signal);
  try {
    await fetchFile(first, options);
  } catch (error) {
    if (!wasReplaced(error)) throw error;
    // The branch moved between question and download: once more, with the new file.
    reporter.add(first.file.target, -(await alreadyReceived(first.target, first.remote)));
    await discardDownload(first.target);
    await fetchFile(await ask(request, tuning, first.file, first.target, null), options);
  }
}

/** Sums up received bytes and reports them at intervals. */
class Reporter {
  readonly #report: (progress: DownloadProgress) => void;
  readonly #rate = new TransferRate(Date.now);
  #received = 0;
  #total = 0;
  #reportedAtMs = 0;

  constructor(report: (progress: DownloadProgress) => void) {
    this.#report = report;
  }

  present(bytes: number): void {
    this.#received += bytes;
  }

  begin(totalBytes: number): void {
    this.#total = totalBytes;
  }

  add(file: string, bytes: number): void {
    this.#received += bytes;
    if (bytes > 0) this.#rate.add(bytes);
    if (Date.now() - this.#reportedAtMs < PROGRESS_MS && this.#received < this.#total) return;
    this.show('download', file);
  }

  show(phase: DownloadProgress['phase'], file: string): void {
    this.#reportedAtMs = Date.now();
    this.#report({
      phase,
      file,
      receivedBytes: this.#received,
      totalBytes: this.#total,
      bytesPerSecond: this.#rate.bytesPerSecond(),
      secondsLeft: this.#rate.secondsLeft(this.#total - this.#received),
    });
  }
}
