/** Sets up the libraries of `cuda` in one folder: from wheels that lie in a folder, or by pip or uv. Run again to resume. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { openPromise, type Entry } from 'yauzl';
import { removeFolder } from '../disk/patience.js';
import { AppError, throwIfAborted } from '../base/app-error.js';
import { defined } from '../base/assert.js';
import { CUDA_PACKAGES, type CudaPackage, type CudaSystem } from '../base/cuda-parts.js';
import { diskError } from '../base/disk-error.js';
import { hashFile } from './checksum.js';
import { installMembers, isInstalled, isWanted, type Member } from './cuda-install.js';
import { CUDA_WHEELS, pipLine, type PackageWheels, type Wheel, type WheelTable } from './cuda-wheels.js';
import { downloadError } from './download-error.js';
import { checkSpace, freeBytes } from './free-space.js';
import { withLock } from './lock.js';
import { fetchWithTool, type PipTool } from './pip-tool.js';

export interface SetupProgress {
  readonly phase: 'download' | 'verify' | 'unpack';
  readonly package: CudaPackage;
  /** Of all packages, in bytes that are written. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface SetupRequest {
  readonly system: CudaSystem;
  /** Everything is written in it; created. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: SetupProgress) => void;
  /** Tests give small wheels and disks. */
  readonly table?: WheelTable;
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** What a set-up would fetch and write. */
export interface SetupPlan {
  readonly folder: string;
  readonly missing: readonly CudaPackage[];
  readonly downloadBytes: number;
  readonly unpackedBytes: number;
  readonly freeBytes: number;
  /** For a shell, instead. */
  readonly line: string;
}

interface Work {
  readonly name: CudaPackage;
  readonly wheels: PackageWheels;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

async function missingWork({ system, folder, table = CUDA_WHEELS }: SetupRequest): Promise<Work[]> {
  const work: Work[] = [];
  for (const [name, systems] of Object.entries(table) as [CudaPackage, WheelTable[CudaPackage]][]) {
    if (systems !== undefined && !(await isInstalled(folder, name))) work.push({ name, wheels: systems[system] });
  }
  return work;
}

export async function planSetup(request: SetupRequest): Promise<SetupPlan> {
  const missing = await missingWork(request);
  return {
    folder: request.folder,
    missing: missing.map(({ name }) => name),
    downloadBytes: sum(missing.map(({ wheels }) => Math.max(...wheels.wheels.map(({ bytes }) => bytes)))),
    unpackedBytes: sum(missing.map(({ wheels }) => wheels.unpackedBytes)),
    freeBytes: await (request.freeBytes ?? freeBytes)(await nearestExisting(request.folder)),
    line: pipLine(request.system, request.folder),
  };
}

/** The folder, or the closest above it that is there: a plan writes nothing. */
async function nearestExisting(folder: string): Promise<string> {
  let at = resolve(folder);
  while (dirname(at) !== at && (await stat(at).catch(() => null)) === null) at = dirname(at);
  return at;
}

/**
 * @param wheelsFolder folder with the wheels of all packages that are missing
 * @throws AppError download.failed (not-found, checksum, busy), disk.*; AbortError
 */
export function setUpFromWheels(request: SetupRequest, wheelsFolder: string): Promise<void> {
  return withLock(request.folder, async () => {
    const work = await missingWork(request);
    const found = await wheelsIn(wheelsFolder, work);
    const progress = await begin(request, work, 0);
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
    const part = join(request.folder, '.part');
    const work = await missingWork(request);
    // While pip unpacks a package, it lies there as wheel and twice as files.
    const atOnce = Math.max(0, ...work.map(({ wheels }) => 2 * wheels.unpackedBytes));
    const progress = await begin(request, work, atOnce);
    for (const { name, wheels } of work) {
      progress.show('download', name);
      const fetched = await fetchWithTool(tool, {
        ...request,
        part,
        name,
        wheels,
        onBytes: (bytes) => progress.peek(name, bytes),
      });
      const members = fetched.filter(({ path }) => isWanted(path));
      requireLibraries(name, members);
      await installMembers(request.folder, name, members, request.signal, (bytes) =>
        progress.add('unpack', name, bytes),
      );
      await removeFolder(part);
    }
  });
}

/** Checks the space and starts counting. @throws AppError disk.full */
async function begin(request: SetupRequest, work: readonly Work[], extraBytes: number): Promise<Counter> {
  throwIfAborted(request.signal);
  const total = sum(work.map(({ wheels }) => wheels.unpackedBytes));
  checkSpace(request.folder, total + extraBytes, await (request.freeBytes ?? freeBytes)(request.folder));
  return new Counter(request.onProgress, total);
}

class Counter {
  readonly #report: SetupRequest['onProgress'];
  readonly #total: number;
  #done = 0;

  constructor(report: SetupRequest['onProgress'], total: number) {
    this.#report = report;
    this.#total = total;
  }

  show(phase: SetupProgress['phase'], name: CudaPackage): void {
    this.#report({ phase, package: name, doneBytes: this.#done, totalBytes: this.#total });
  }

  /** Bytes of the current package, before they count. */
  peek(name: CudaPackage, bytes: number): void {
    const doneBytes = Math.min(this.#total, this.#done + bytes);
    this.#report({ phase: 'download', package: name, doneBytes, totalBytes: this.#total });
  }

  add(phase: SetupProgress['phase'], name: CudaPackage, bytes: number): void {
    this.#done += bytes;
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
