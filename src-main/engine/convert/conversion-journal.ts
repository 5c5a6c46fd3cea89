/**
 * The finished tensors of a cache file, so that a cancelled or killed conversion continues where it stopped. The name of
 * a cache file determines its contents and layout, so tensor names are enough.
 *
 * While process `<pid>` makes `<file>`, it writes `<file>.<pid>.partial` with the weights, `<file>.<pid>.journal` with
 * one line for each group of tensors on disk, and `<file>.<pid>.scratch`. A cancelled conversion leaves the first two
 * under the process id 0.
 */
import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isProcessAlive } from '../../base/process-alive.js';
import { removeFile, renameFile } from '../../disk/patience.js';

/** Process id of a cancelled conversion's files. */
const NOBODY = 0;
/** Between writes to the journal, each of which waits for the weights to reach the disk. */
const INTERVAL_MS = 1000;

export function partialFiles(
  file: string,
  pid: number,
): { readonly partial: string; readonly journal: string; readonly scratch: string } {
  const name = `${file}.${pid}`;
  return { partial: `${name}.partial`, journal: `${name}.journal`, scratch: `${name}.scratch` };
}

/** Whether the process that wrote a partial file has ended. */
export function isLeft(pid: number): boolean {
  return pid === NOBODY || !isProcessAlive(pid);
}

/** Records finished tensors after they have reached the disk. */
export class ConversionJournal {
  readonly #weights: FileHandle;
  readonly #journal: FileHandle;
  readonly #intervalMs: number;
  #waiting: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #busy = false;
  #lastMs = 0;
  #problem: unknown = null;

  private constructor(weights: FileHandle, journal: FileHandle, intervalMs: number) {
    this.#weights = weights;
    this.#journal = journal;
    this.#intervalMs = intervalMs;
  }

  /** @param partial existing file @param journal created when missing */
  static async open(partial: string, journal: string, intervalMs = INTERVAL_MS): Promise<ConversionJournal> {
    const weights = await open(partial, 'r+');
    try {
      return new ConversionJournal(weights, await open(journal, 'a'), intervalMs);
    } catch (error) {
      await weights.close();
      throw error;
    }
  }

  /** Adds a tensor whose parts are all written. */
  add(name: string): void {
    this.#waiting.push(name);
    if (this.#busy || performance.now() - this.#lastMs < this.#intervalMs) return;
    this.#busy = true;
    this.#writing = this.#write().catch((error: unknown) => {
      this.#problem = error;
    });
  }

  /** Writes the rest. @throws the disk's errors */
  async close(): Promise<void> {
    try {
      await this.#writing;
      await this.#write();
      if (this.#problem !== null) throw this.#problem as Error;
    } finally {
      await Promise.all([this.#weights.close(), this.#journal.close()]);
    }
  }

  async #write(): Promise<void> {
    const names = this.#waiting;
    this.#waiting = [];
    try {
      if (names.length === 0) return;
      await this.#weights.datasync();
      await this.#journal.appendFile(`${JSON.stringify(names)}\n`);
      await this.#journal.datasync();
    } finally {
      this.#lastMs = performance.now();
      this.#busy = false;
    }
  }
}

/**
 * Takes over an earlier process's partial cache file.
 * @param file absolute path of the cache file @param fileSize its final size
 * @returns names of the finished tensors; empty when there is no partial file
 */
export async function takeOverPartial(file: string, fileSize: number): Promise<ReadonlySet<string>> {
  const own = partialFiles(file, process.pid);
  for (const pid of await leftBy(file)) {
    const left = partialFiles(file, pid);
    const done = await readJournal(left, fileSize);
    if (done.size === 0) continue;
    // The process that renames it owns it; another finds nothing.
    const taken = await renameFile(left.journal, own.journal).then(
      () => true,
      () => false,
    );
    if (!taken) continue;
    await renameFile(left.partial, own.partial);
    return done;
  }
  // From an ended process with the same id.
  await removeFile(own.journal);
  return new Set();
}

/** Finished tensors of a partial cache file, without taking it over. */
export async function finishedTensors(file: string, fileSize: number): Promise<ReadonlySet<string>> {
  for (const pid of await leftBy(file)) {
    const done = await readJournal(partialFiles(file, pid), fileSize);
    if (done.size > 0) return done;
  }
  return new Set();
}

/** Releases this process's partial cache file for the next conversion. */
export async function leavePartial(file: string): Promise<void> {
  const own = partialFiles(file, process.pid);
  const left = partialFiles(file, NOBODY);
  if ((await sizeOf(own.journal)) === 0) {
    await Promise.all([own.partial, own.journal].map(removeFile));
    return;
  }
  // A journal must never be beside weights that it does not describe.
  await removeFile(left.journal);
  await renameFile(own.partial, left.partial);
  await renameFile(own.journal, left.journal);
}

async function leftBy(file: string): Promise<number[]> {
  const prefix = `${basename(file)}.`;
  const names = await readdir(dirname(file)).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith('.journal'))
    .map((name) => Number(name.slice(prefix.length, -'.journal'.length)))
    .filter((pid) => Number.isInteger(pid) && isLeft(pid));
}

/** Names on complete lines; the last line may be cut off. */
async function readJournal(
  { partial, journal }: ReturnType<typeof partialFiles>,
  fileSize: number,
): Promise<ReadonlySet<string>> {
  const done = new Set<string>();
  if ((await sizeOf(partial)) !== fileSize) return done;
  const text = await readFile(journal, 'utf8').catch(() => '');
  for (const line of text.split('\n').slice(0, -1)) {
    const names = parseLine(line);
    if (names === null) break;
    for (const name of names) done.add(name);
  }
  return done;
}

function parseLine(line: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => null);
  return info?.size ?? 0;
}
