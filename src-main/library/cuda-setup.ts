/** Sets up the libraries of `cuda` in one folder: from wheels that lie in a folder, or by pip or uv. Run again to resume. */
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openPromise, type Entry } from 'yauzl';
import { removeFile, removeFolder } from '../disk/patience.js';
import { AppError, throwIfAborted } from '../base/app-error.js';
import { defined } from '../base/assert.js';
import { CUDA_PACKAGES, type CudaPackage } from '../base/cuda-parts.js';
import { diskError } from '../base/disk-error.js';
import { hashFile } from './checksum.js';
import { installMembers, isWanted, type Member } from './cuda-install.js';
import {
  downloadBytes,
  missingWork,
  passingBytes,
  sum,
  unpackedBytes,
  type SetupPlace,
  type Work,
} from './cuda-plan.js';
import type { Wheel } from './cuda-wheels.js';
import { DISK_REMEDIES, downloadError } from './download-error.js';
import { checkSpace, freeBytes } from './free-space.js';
import { withLock } from './lock.js';
import { fetchWithTool, type PipTool } from './pip-tool.js';

export interface SetupProgress {
  readonly phase: 'download' | 'verify' | 'unpack';
  readonly package: CudaPackage;
  /** Of what was missing, in bytes that are fetched and that are unpacked; never falls. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface SetupRequest extends SetupPlace {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: SetupProgress) => void;
}

/** Where pip or uv works, and the names of what a set-up leaves in its folder. */
const PART = '.part';
const OWN = /^(?:\.part|nvidia|onnxruntime|[\w.]+-[\w.]+\.dist-info)$/;

/** Deletes the libraries that were set up in a folder and what is left of others. @throws AppError download.failed (busy), disk.* */
export async function removeSetup(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => null)) === null) return;
  await withLock(folder, async () => {
    try {
      for (const name of await readdir(folder)) {
        if (OWN.test(name)) await removeFolder(join(folder, name));
        else if (name.endsWith('.incomplete')) await removeFile(join(folder, name));
      }
    } catch (error) {
      throw diskError(error, `delete the libraries in ${folder}`, DISK_REMEDIES);
    }
  });
}

/**
 * @param wheelsFolder folder with the wheels of all packages that are missing
 * @throws AppError download.failed (not-found, checksum, busy), disk.*; AbortError
 */
export function setUpFromWheels(request: SetupRequest, wheelsFolder: string): Promise<void> {
  return withLock(request.folder, async () => {
    const work = await missingWork(request);
    const found = await wheelsIn(wheelsFolder, work);
    const progress = await begin(request, work, { passing: 0, fetched: 0 });
    for (const { name } of work) {
      const { file, wheel } = defined(found.get(name), name);
      progress.show('verify', name);
      await checkWheel(file, wheel, request.signal);
      await unpack(request, name, file, progress);
    }
  });
}

/**
 * Lets pip or uv fetch one package after another.
 * @throws AppError download.failed, disk.*; AbortError
 */
export function setUpWithTool(request: SetupRequest, tool: PipTool): Promise<void> {
  return withLock(request.folder, async () => {
    // A pip that outlived a killed host writes into its own.
    const parts = join(request.folder, PART);
    const part = join(parts, randomBytes(4).toString('hex'));
    const work = await missingWork(request);
    const fetched = sum(work.map(downloadBytes));
    const progress = await begin(request, work, { passing: passingBytes(work), fetched });
    for (const one of work) {
      const { name, wheels } = one;
      progress.show('download', name);
      await removeFolder(parts);
      const most = downloadBytes(one);
      const files = await fetchWithTool(tool, {
        ...request,
        part,
        name,
        wheels,
        onBytes: (bytes) => progress.peek(name, Math.min(bytes, most)),
      });
      progress.add('unpack', name, most);
      const members = files.filter(({ path }) => isWanted(path));
      requireLibraries(name, members);
      await installMembers(request.folder, name, members, request.signal, (bytes) =>
        progress.add('unpack', name, bytes),
      );
      await removeFolder(parts);
    }
  });
}

/**
 * Checks the space and starts counting.
 * @param passing bytes that are on the disk meanwhile
 * @param fetched bytes that are fetched before they are unpacked
 * @throws AppError disk.full
 */
async function begin(
  request: SetupRequest,
  work: readonly Work[],
  { passing, fetched }: { readonly passing: number; readonly fetched: number },
): Promise<Counter> {
  throwIfAborted(request.signal);
  const total = unpackedBytes(work);
  checkSpace(request.folder, total + passing, await (request.freeBytes ?? freeBytes)(request.folder));
  return new Counter(request.onProgress, total + fetched);
}

class Counter {
  readonly #report: SetupRequest['onProgress'];
  readonly #total: number;
  #done = 0;
  #peeked = 0;

  constructor(report: SetupRequest['onProgress'], total: number) {
    this.#report = report;
    this.#total = total;
  }

  show(phase: SetupProgress['phase'], name: CudaPackage): void {
    this.#report({ phase, package: name, doneBytes: this.#done, totalBytes: this.#total });
  }

  /** Bytes of the current package, before they count. */
  peek(name: CudaPackage, bytes: number): void {
    // The tool's temporary files come and go.
    this.#peeked = Math.max(this.#peeked, bytes);
    const doneBytes = Math.min(this.#total, this.#done + this.#peeked);
    this.#report({ phase: 'download', package: name, doneBytes, totalBytes: this.#total });
  }

  add(phase: SetupProgress['phase'], name: CudaPackage, bytes: number): void {
    this.#done += bytes;
    this.#peeked = 0;
    this.show(phase, name);
  }
}

/** @throws AppError download.failed (not-found) naming the wheels that are missing and others that are there instead */
async function wheelsIn(
  folder: string,
  work: readonly Work[],
): Promise<Map<CudaPackage, { readonly file: string; readonly wheel: Wheel }>> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw diskError(error, `read the folder ${folder}`);
  }
  const found = new Map<CudaPackage, { file: string; wheel: Wheel }>();
  for (const { name, wheels } of work) {
    const wheel = wheels.wheels.find((one) => names.includes(one.name));
    if (wheel !== undefined) found.set(name, { file: join(folder, wheel.name), wheel });
  }
  const missing = work.filter(({ name }) => !found.has(name));
  if (missing.length === 0) return found;
  const wanted = missing.map(({ name }) => `${name} ${CUDA_PACKAGES[name]}`);
  const others = missing.flatMap(({ name }) =>
    names.filter((file) => file.endsWith('.whl') && file.toLowerCase().startsWith(`${name.replaceAll('-', '_')}-`)),
  );
  const instead = others.length === 0 ? '' : ` It has ${others.join(', ')}, which this app was not tested with.`;
  throw downloadError('not-found', `${folder} lacks the wheels of ${wanted.join(', ')}.${instead}`, {
    remedy: `Download them from pypi.org into that folder: ${missing.map(({ wheels }) => wheels.wheels.at(-1)?.name ?? '').join(', ')}.`,
    details: { folder, missing: missing.map(({ name }) => name).join(' ') },
  });
}

async function checkWheel(file: string, wheel: Wheel, signal: AbortSignal): Promise<void> {
  let found: string;
  let size: number;
  try {
    size = (await stat(file)).size;
    found = size === wheel.bytes ? await hashFile(file, 'sha256', signal) : '';
  } catch (error) {
    throw diskError(error, `read ${file}`);
  }
  if (found === wheel.sha256) return;
  const difference =
    size === wheel.bytes
      ? `its sha256 is ${found}, expected ${wheel.sha256}`
      : `it has ${size} bytes, expected ${wheel.bytes}`;
  throw downloadError('checksum', `${file} is not the file that was published: ${difference}.`, {
    remedy: 'Delete it and download it again.',
  });
}

async function unpack(request: SetupRequest, name: CudaPackage, file: string, progress: Counter): Promise<void> {
  const zip = await openPromise(file, { lazyEntries: true, autoClose: false }).catch((error: unknown) => {
    throw damaged(file, error);
  });
  try {
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) entries.push(entry);
    const members = entries
      .filter(({ fileName }) => isWanted(fileName))
      .map((entry): Member => {
        const { fileName: path, uncompressedSize: bytes } = entry;
        return { path, bytes, crc32: entry.crc32, open: () => zip.openReadStreamPromise(entry) };
      });
    requireLibraries(name, members);
    await installMembers(request.folder, name, members, request.signal, (bytes) => progress.add('unpack', name, bytes));
  } catch (error) {
    throw error instanceof AppError || (error instanceof Error && error.name === 'AbortError')
      ? error
      : damaged(file, error);
  } finally {
    zip.close();
  }
}

function requireLibraries(name: CudaPackage, members: readonly Member[]): void {
  if (members.length > 0) return;
  throw downloadError('bad-answer', `The package ${name} ${CUDA_PACKAGES[name]} holds no library.`, {
    remedy: 'Look for an update of the app.',
  });
}

function damaged(file: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return downloadError('checksum', `${basename(file)} cannot be unpacked: ${reason}.`, {
    remedy: 'Delete it and download it again.',
    cause,
  });
}
